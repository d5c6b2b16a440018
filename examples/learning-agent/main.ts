// `npm run agent`: two agents of one team, three sessions, a process for each; then what became of it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { connect, type Holdfast, SessionStatus } from "@holdfast/client";
import { demoAddress } from "../demo/address.js";
import { findOrStartServer, messageOf } from "../demo/demo-server.js";
import { explanationLines, lessonLines, sessionTable } from "./account.js";
import { joinTeam } from "./team.js";
import { World } from "./world.js";

const AGENTS = ["ada", "bob"];
const SESSIONS = 3;
const TICKETS = 32;
/** How long an action takes, so that one can follow. */
const WORK_MS = 100;

const { values: options } = parseArgs({
  options: {
    team: { type: "string", default: `team-${Date.now().toString(36)}` },
    seed: { type: "string", default: "1" },
    fast: { type: "boolean", default: false },
  },
});

const address = demoAddress();
// From the start on: a server that is starting has to be stopped as well.
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => stop.abort());
const server = await findOrStartServer(address, print, stop.signal).catch((error) => {
  print(messageOf(error));
  process.exit(1);
});
const holdfast = connect({ address });
const running = new Set<ChildProcess>();
// The agents first, then the server: see below.
stop.signal.addEventListener("abort", () => {
  for (const agent of running) agent.kill();
});
try {
  await run(holdfast);
} catch (error) {
  print(messageOf(error));
  process.exitCode = 1;
} finally {
  await holdfast.close();
  await server.close();
}

async function run(holdfast: Holdfast): Promise<void> {
  const world = new World(options.seed);
  const team = await joinTeam(holdfast, options.team);
  const earlier = await countQueues(holdfast, team.name);
  for (let session = earlier + 1; session <= earlier + SESSIONS; session++) {
    const queue = await fillQueue(holdfast, world, team.name, session);
    print(
      `\n── session ${session}: ${TICKETS} tickets for ${AGENTS.join(" and ")}, each a process that starts anew`,
    );
    if (stop.signal.aborted) throw new Error("interrupted");
    const codes = await Promise.all(AGENTS.map((name) => runAgent(name, queue)));
    if (stop.signal.aborted) throw new Error("interrupted");
    if (codes.every((code) => code !== 0)) throw new Error("no agent ended its session");
    if (codes.some((code) => code !== 0)) await abandonSessions(holdfast, queue);
  }
  print("");
  for (const line of await sessionTable(holdfast, team)) print(line);
  print("");
  for (const line of await lessonLines(holdfast, team, world)) print(line);
  print("");
  for (const line of await explanationLines(holdfast, team)) print(line);
  print(`\nnpm run agent -- --team ${team.name} goes on from here`);
}

/** How many sessions a team has had. */
async function countQueues(holdfast: Holdfast, team: string): Promise<number> {
  let count = 0;
  for await (const _ of holdfast.goals.list({ labels: { team, type: "queue" } })) count += 1;
  return count;
}

/** A goal whose parts are the tickets of one session: agents take the parts, its progress follows them. */
async function fillQueue(holdfast: Holdfast, world: World, team: string, session: number): Promise<string> {
  const labels = { team, type: "queue", session: String(session) };
  const queue = await holdfast.goals.create({ title: `tickets of session ${session}`, labels });
  const outcomes = await holdfast.goals.batchCreate(
    world.tickets(session, TICKETS).map((ticket) => ({
      title: `${ticket.kind} of ${ticket.customer}`,
      parentGoalId: queue.id,
      labels: { team, type: "ticket", ...ticket },
      createdBy: ticket.customer,
    })),
  );
  for (const { error } of outcomes) if (error) throw error;
  return queue.id;
}

/** Ends the session of an agent that died; the others have done what it left. */
async function abandonSessions(holdfast: Holdfast, queue: string): Promise<void> {
  const left = { labels: { queue }, statuses: [SessionStatus.ACTIVE] };
  for await (const { id, agentId } of holdfast.sessions.list(left)) {
    await holdfast.sessions.close(id, { status: SessionStatus.ABANDONED });
    print(`${agentId} died; what it left was done by others`);
  }
}

async function runAgent(name: string, queue: string): Promise<number | null> {
  const path = fileURLToPath(new URL("agent.js", import.meta.url));
  const { team, seed } = options;
  const settings = { name, team, seed, queue, "work-ms": String(options.fast ? 0 : WORK_MS) };
  const args = Object.entries(settings).map(([key, value]) => `--${key}=${value}`);
  const env = { ...process.env, HOLDFAST_ADDRESS: address };
  const child = spawn(process.execPath, ["--enable-source-maps", path, ...args], { stdio: "inherit", env });
  running.add(child);
  const [code] = (await once(child, "exit")) as [number | null];
  running.delete(child);
  return code;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
