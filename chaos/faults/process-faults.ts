import { setTimeout as delay } from "node:timers/promises";
import { monotonicMs } from "../clock.js";
import { LANES_PER_CLIENT } from "../ledger/token.js";
import type { ClientProcess } from "../stage/client-process.js";
import { backendsOf, childrenOf, kill, signal } from "../stage/postgres-processes.js";
import type { Fault } from "./fault.js";

const STOPPED_MS = 10_000;

/** Processes that die, and processes that stand still. */
export const processFaults: readonly Fault[] = [
  {
    name: "kill-server",
    weight: 6,
    resumes: "server",
    async inject(stage, random) {
      const server = random.pick(stage.servers);
      const harm = { at: monotonicMs(), ways: stage.waysTo(server) };
      await server.killNow();
      return { note: `port ${server.port}`, harm };
    },
  },
  {
    name: "kill-postmaster",
    weight: 3,
    resumes: "postgres",
    async inject(stage) {
      const pid = stage.postmaster;
      if (pid === undefined) return { note: "it did not run" };
      const harm = { at: monotonicMs(), ways: stage.ways };
      await kill(pid);
      return { note: `process ${pid}`, harm };
    },
  },
  {
    name: "kill-backend",
    weight: 3,
    resumes: "postgres",
    async inject(stage, random) {
      // Postgres takes a backend that died for a sign of damage, ends all others and recovers.
      const backends = backendsOf(stage.postmaster ?? 0);
      if (backends.length === 0) return { note: "none was there" };
      const pid = random.pick(backends);
      const harm = { at: monotonicMs(), ways: stage.ways };
      await kill(pid);
      return { note: `process ${pid}`, harm };
    },
  },
  {
    name: "terminate-backends",
    weight: 3,
    async inject(stage) {
      const backends = backendsOf(stage.postmaster ?? 0);
      for (const pid of backends) signal(pid, "SIGTERM");
      return { note: `${backends.length} of them` };
    },
  },
  {
    name: "kill-client",
    weight: 2,
    missing: ({ clients }) => (clients.some(hasJournal) ? undefined : "no client has a journal"),
    async inject(stage, random) {
      const place = random.pick([...stage.clients.keys()].filter((i) => hasJournal(stage.clients[i])));
      const { options } = stage.clients[place] as ClientProcess;
      await stage.clients[place]?.kill();
      const roles = options.roles.map((role) => ({ ...role, continues: options.client * LANES_PER_CLIENT }));
      stage.startClient({ roles, seed: random.between(0, 2 ** 31) }, place);
      return { note: `client ${options.client}` };
    },
  },
  {
    name: "stop-server",
    weight: 1,
    async inject({ servers }, random) {
      const server = random.pick(servers);
      server.kill("SIGSTOP");
      await delay(STOPPED_MS);
      server.kill("SIGCONT");
      return { note: `port ${server.port}` };
    },
  },
  {
    name: "stop-postgres",
    weight: 1,
    async inject(stage) {
      const postmaster = stage.postmaster;
      if (postmaster === undefined) return { note: "it did not run" };
      const all = [postmaster, ...childrenOf(postmaster)];
      for (const pid of all) signal(pid, "SIGSTOP");
      await delay(STOPPED_MS);
      for (const pid of all) signal(pid, "SIGCONT");
      return { note: `${all.length} processes` };
    },
  },
  {
    name: "rolling-restart",
    weight: 2,
    async inject({ servers }) {
      for (const server of servers) {
        await server.restart();
        await server.ready();
      }
      return { note: `${servers.length} servers` };
    },
  },
  {
    name: "clock-jump",
    weight: 2,
    async inject({ servers }, random) {
      const offsetMs = random.pick([-86_400_000, -60_000, 60_000, 86_400_000]);
      const server = random.pick(servers);
      server.send({ do: "jump", offsetMs });
      await delay(2_000);
      server.send({ do: "jump", offsetMs: 0 });
      return { note: `port ${server.port} by ${offsetMs / 1000} s and back` };
    },
  },
];

/** Whether it is one that can be killed: another takes over what it left. */
function hasJournal(client: ClientProcess | undefined): boolean {
  return client?.options.roles.every(({ role }) => role === "keep-journal") ?? false;
}
