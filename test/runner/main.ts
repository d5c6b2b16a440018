// `npm test`: runs the tests with the arguments of `vitest run`. Where CI is set, failed files are run once more.
import { runTests } from "./run-tests.js";

const say = (line: string) => void process.stdout.write(`${line}\n`);
const code = await runTests(process.argv.slice(2), { runAgain: Boolean(process.env.CI), say });
// Whatever a test has left open must not keep a finished run from ending.
process.stdout.write("", () => process.exit(code));
