import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Action, ActionStatus, connect, type Goal, GoalStatus, SessionStatus } from "@holdfast/client";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { joinTeam } from "../examples/learning-agent/team.js";
import { KINDS, TOOLS, World } from "../examples/learning-agent/world.js";
import { DEFAULT_TENANT_ID } from "../src/rpc/tenant-metadata.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const PROJECT = new URL("../", import.meta.url);
const FINAL: readonly GoalStatus[] = [GoalStatus.COMPLETED, GoalStatus.FAILED];

const servers = useServers({});

beforeAll(async () => {
  const { build } = await import(new URL("scripts/build.js", PROJECT).href);
  await build();
});

describe("two agents that learn", () => {
  test("do every goal exactly once, and better in later sessions than in the first", async () => {
    const team = "both";
    const holdfast = client();
    const { output, code } = await ended(start("main.js", ["--fast", `--team=${team}`]));
    expect(code, output).toBe(0);

    const goals = await all(holdfast.goals.list({ labels: { team, type: "ticket" } }));
    expect(goals).toHaveLength(96);
    for (const goal of goals) {
      const revisions = await all(holdfast.goals.revisions(goal.id));
      // Newest first: it was handed out once and ended once.
      expect(revisions.map((revision) => revision.goal?.status)).toEqual([
        expect.toSatisfy((status: GoalStatus) => FINAL.includes(status)),
        GoalStatus.IN_PROGRESS,
        GoalStatus.PENDING,
      ]);
    }

    const sessions = await all(holdfast.sessions.list({ labels: { team } }));
    expect(sessions.map(({ status }) => status)).toEqual(Array(6).fill(SessionStatus.COMPLETED));
    expect(sum(sessions.map(({ goalsTotal }) => goalsTotal))).toBe(96);
    for (const agentId of ["ada", "bob"]) {
      const own = sessions.filter((session) => session.agentId === agentId);
      expect(sum(own.map(({ goalsTotal }) => goalsTotal))).toBeGreaterThan(0);
    }

    // What both have learned is all there: an outcome for each action.
    const actions = await all(holdfast.actions.list({ labels: { team } }));
    const { selectorId } = await joinTeam(holdfast, team);
    const { actionCounts } = await holdfast.selectors.get(selectorId);
    expect(sum(Object.values(actionCounts).map(Number))).toBe(actions.length);

    const queues = await all(holdfast.goals.list({ labels: { team, type: "queue" } }));
    const [third = 0, second = 0, first = 0] = queues.map((queue) => successRate(actions, queue));
    expect(first).toBeGreaterThan(0);
    expect(second).toBeGreaterThan(first + 0.1);
    expect(third).toBeGreaterThan(first + 0.1);
    for (const [session, rate] of [first, second, third].entries()) {
      const row = new RegExp(`^ +${session + 1} +32 +\\d+ % +${Math.round(rate * 100)} % `, "m");
      expect(output).toMatch(row);
    }
    expect(output).toMatch(/why ".* by \w+" .*as ExplainAction tells it:\n {2}it saw {6}\S/);

    expect(await expectSoundLog(servers.databaseUrl, DEFAULT_TENANT_ID)).toBeGreaterThan(0n);
  });

  test("do what an agent that was killed had left, and begin with what the team knows", async () => {
    const team = "survivor";
    const holdfast = client();
    const { learningId } = await joinTeam(holdfast, team);
    const goal = { type: "late parcel" };
    await holdfast.learning.recordEpisode(learningId, { steps: ["ask_carrier"], score: 1, goal });
    const { id: queue } = await holdfast.goals.create({ title: "a queue" });
    const tickets = new World("2").tickets(9, 6);
    await holdfast.goals.batchCreate(
      tickets.map((ticket) => ({ title: ticket.kind, parentGoalId: queue, labels: { ...ticket } })),
    );
    const args = [`--team=${team}`, `--queue=${queue}`];
    const killed = start("agent.js", [...args, "--name=ada", "--work-ms=60000"]);
    const end = ended(killed);
    while ((await held(holdfast, queue)).length === 0) await delay(50);
    killed.kill("SIGKILL");
    await end;
    const { output, code } = await ended(start("agent.js", [...args, "--name=bob"]));
    expect(code, output).toBe(0);
    expect(output).toContain("I know of ask_carrier for a late parcel");
    const goals = await all(holdfast.goals.list({ parentGoalIds: [queue] }));
    expect(goals.map(({ status }) => FINAL.includes(status))).toEqual(Array(6).fill(true));
    expect(output).toMatch(/of 6 tickets/);
  });

  function client() {
    const holdfast = connect({ address: address() });
    onTestFinished(() => holdfast.close());
    return holdfast;
  }

  function start(file: string, args: readonly string[]): ChildProcess {
    const path = fileURLToPath(new URL(`dist/examples/learning-agent/${file}`, PROJECT));
    const child = spawn(process.execPath, [path, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, HOLDFAST_ADDRESS: address() },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    return child;
  }

  function address(): string {
    const { host, port } = servers.app().grpc;
    return `${host}:${port}`;
  }
});

describe("the world of the agents", () => {
  test("is the same whenever its seed is", () => {
    const [world, same, other] = [new World("1"), new World("1"), new World("2")];
    expect(same.tickets(1, 32)).toEqual(world.tickets(1, 32));
    expect(other.tickets(1, 32)).not.toEqual(world.tickets(1, 32));
    for (const ticket of world.tickets(1, 32)) {
      for (const tool of TOOLS) {
        expect(same.attempt(ticket, tool, "chat")).toEqual(world.attempt(ticket, tool, "chat"));
      }
    }
  });

  test("has for each kind of ticket one tool that solves most of them, and another for each", () => {
    const world = new World("1");
    const best = KINDS.map((kind) => TOOLS.filter((tool) => world.odds(kind, tool) > 0.5));
    expect(best.map((tools) => tools.length)).toEqual(KINDS.map(() => 1));
    expect(new Set(best.flat()).size).toBe(KINDS.length);
  });
});

function held(holdfast: ReturnType<typeof connect>, queue: string): Promise<Goal[]> {
  return all(holdfast.goals.list({ parentGoalIds: [queue], statuses: [GoalStatus.IN_PROGRESS] }));
}

function successRate(actions: readonly Action[], queue: Goal): number {
  const own = actions.filter(({ labels }) => labels["queue"] === queue.id);
  return own.filter(({ status }) => status === ActionStatus.SUCCEEDED).length / own.length;
}

async function ended(child: ChildProcess): Promise<{ output: string; code: number | null }> {
  const exited = once(child, "exit");
  const output = await text(child.stdout as NodeJS.ReadableStream);
  const [code] = (await exited) as [number | null];
  return { output, code };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
