// `npm run demo`: a server, an agent that works and a follower that watches, each a process of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { demoAddress } from "./address.js";
import { findOrStartServer, messageOf } from "./demo-server.js";

const address = demoAddress();
// From the start on: a server that is starting has to be stopped as well.
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => stop.abort());
const server = await findOrStartServer(address, say, stop.signal).catch((error) => {
  say(messageOf(error));
  process.exit(1);
});
if (server.pid === undefined) {
  say(`using the server at ${address}`);
  say("kill -9 it meanwhile if you like, and start it again (npm start): the run goes on");
} else {
  say(`started a server at ${address}, process ${server.pid}`);
  say(`kill -9 ${server.pid} from another terminal if you like: it is started again and the run goes on`);
}

const follower = start("follower.js", []);
const agent = start("agent.js", process.argv.slice(2));
const kill = () => {
  agent.kill();
  follower.kill();
};
stop.signal.addEventListener("abort", kill, { once: true });
if (stop.signal.aborted) kill();
agent.once("exit", (code) => {
  // A run that failed never closes its session: nobody would end the follower.
  if (code !== 0) follower.kill();
});
const codes = await Promise.all([ended(agent), ended(follower)]);
await server.close();
process.exitCode = codes.every((code) => code === 0) ? 0 : 1;

function start(file: string, args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const env = { ...process.env, HOLDFAST_ADDRESS: address };
  return spawn(process.execPath, ["--enable-source-maps", path, ...args], { stdio: "inherit", env });
}

async function ended(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, "exit")) as [number | null];
  return code;
}

function say(line: string): void {
  process.stdout.write(`demo: ${line}\n`);
}
