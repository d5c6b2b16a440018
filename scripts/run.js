#!/usr/bin/env node
// What stands behind `npm start`, `npm test`, `npm run demo`, `agent`, `bench` and `chaos`:
// from a fresh clone to the program in one command. Plain Node, since nothing
// is installed yet when it starts, and syntax that old versions can read as far
// as the message that they are too old.
import { checkNodeVersion } from "./check-node-version.js";

checkNodeVersion();
const { run } = await import("./run-target.js");
await run(process.argv.slice(2));
