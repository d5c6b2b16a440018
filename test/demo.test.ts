import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connect, EntityKind, type Holdfast } from "@holdfast/client";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { freePort } from "../chaos/stage/free-port.js";
import { arrayElements, objectMembers } from "../examples/demo/json-slices.js";
import { demoId, loadSampleRun } from "../examples/demo/sample-run.js";
import { uuidV5 } from "../examples/demo/uuid-v5.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";

const PROJECT = new URL("../", import.meta.url);
/** 2 of the session, 40 decisions, three of each of 106 actions, 106 observations, 212 metrics. */
const CHANGES = 678;
/** The first call waits for its server to start: on a machine that is busy with other things that takes a minute. */
const STARTS_WITHIN_MS = 180_000;

beforeAll(async () => {
  const { build } = await import(new URL("scripts/build.js", PROJECT).href);
  await build();
});

// Whole processes start and stop: half a minute when the machine has other work.
describe("the demo", () => {
  let database: TestDatabase;
  let address: string;
  let processes: ChildProcess[];
  let holdfast: Holdfast;
  beforeEach(async () => {
    processes = [];
    database = await createTestDatabase();
    address = `127.0.0.1:${await freePort()}`;
    holdfast = connect({ address, deadlineMs: STARTS_WITHIN_MS });
  });
  afterEach(async () => {
    await holdfast.close();
    for (const child of processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await database.close();
  });

  const start = (path: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess => {
    const child = spawn(process.execPath, [fileURLToPath(new URL(`dist/${path}`, PROJECT)), ...args], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, HOLDFAST_ADDRESS: address, ...env },
    });
    processes.push(child);
    return child;
  };
  const serve = (): ChildProcess =>
    start("bundle/bin.js", ["serve"], {
      DATABASE_URL: database.url,
      HOLDFAST_GRPC_PORT: address.split(":")[1],
      HOLDFAST_HTTP_PORT: "0",
    });
  const serving = async (): Promise<ChildProcess> => {
    const server = serve();
    await holdfast.admin.getLogHead();
    return server;
  };
  const replay = async (args: readonly string[], onLine?: (line: string) => void) => {
    const follower = linesOf(start("examples/demo/follower.js", []), onLine);
    const agent = linesOf(start("examples/demo/agent.js", args));
    const [timeline, said] = await Promise.all([follower, agent]);
    return { timeline, summary: timeline.slice(timeline.lastIndexOf("") + 1), said: said.join("\n") };
  };

  test("keeps every record of the sample, adds nothing the second time, and says so", async () => {
    await serving();
    const first = await replay(["--fast"]);
    expect(first.said).toContain("are durable");
    expect(first.summary).toEqual([
      expect.stringMatching(/^sessions +1 {2}in 2 changes$/),
      expect.stringMatching(/^decisions +40$/),
      expect.stringMatching(/^actions +106 {2}in 318 changes$/),
      expect.stringMatching(/^observations +106$/),
      expect.stringMatching(/^performance metrics +212$/),
      expect.stringMatching(new RegExp(`^last position +${CHANGES}$`)),
      expect.stringMatching(/^hash of the log +[0-9a-f]{64}$/),
    ]);
    const second = await replay(["--fast"]);
    expect(second.said).toContain("this one added nothing");
    expect(second.timeline).toEqual(first.timeline);

    // The sample's records are kept byte for byte.
    const { goals } = loadSampleRun();
    const file = readFileSync(new URL("examples/demo/sample/.agent_state/observations.json", PROJECT));
    const kept: Buffer[] = [];
    for await (const { entity } of holdfast.events.list({ kinds: [EntityKind.OBSERVATION] })) {
      if (entity.case === "observation") kept.push(Buffer.from(entity.value.data?.data ?? []));
    }
    expect(kept).toHaveLength(106);
    for (const data of kept) expect(file.includes(data)).toBe(true);
    const written = goals.flatMap((goal) => goal.actions.map((action) => action.observation.raw.toString()));
    expect(kept.map(String)).toEqual(written);
  });

  test("completes with the same counts when the server is killed in the middle", async () => {
    const killed = await serving();
    let lines = 0;
    const run = await replay(["--seconds", "4"], () => {
      lines += 1;
      if (lines !== 100) return;
      killed.kill("SIGKILL");
      void delay(300).then(serve);
    });
    expect(killed.signalCode).toBe("SIGKILL");
    expect(run.said).toContain("the server is away");
    expect(run.said).toContain("are durable");
    const events = run.timeline.filter((line) => /^ *\d+ {2}\d\d:/.test(line));
    expect(events.map((line) => Number.parseInt(line, 10))).toEqual(
      Array.from({ length: CHANGES }, (_, i) => i + 1),
    );
    const again = await replay(["--fast"]);
    expect(again.said).toContain("this one added nothing");
    expect(again.summary).toEqual(run.summary);
  });
});

describe("the sample", () => {
  test("is the run of 40 goals with 106 actions, an observation each", () => {
    const { goals } = loadSampleRun();
    expect(goals).toHaveLength(40);
    expect(goals.flatMap((goal) => goal.actions)).toHaveLength(106);
    const ids = goals.flatMap(({ id, actions }) => [id, ...actions.map((a) => a.id)]);
    expect(new Set(ids).size).toBe(146);
  });

  test("gives the same ids in every run", () => {
    expect(demoId("action", "act_0_0")).toBe(demoId("action", "act_0_0"));
    expect(demoId("action", "act_0_0")).not.toBe(demoId("observation", "act_0_0"));
    // The example of RFC 9562, appendix A.4.
    expect(uuidV5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "www.example.com")).toBe(
      "2ed6657d-e927-568b-95e1-2665a8aea6a2",
    );
  });
});

describe("slices of JSON", () => {
  test("are the very bytes of each member, escapes, spacing and long numbers included", () => {
    const json = Buffer.from(
      '{ "a\\u0022" : {"x":"\\u6771 ]} ,\\\\" } ,"b":18446744073709551615, "c": [ ] }',
    );
    const members = objectMembers(json);
    expect([...members].map(([name, value]) => [name, value.toString()])).toEqual([
      ['a"', '{"x":"\\u6771 ]} ,\\\\" }'],
      ["b", "18446744073709551615"],
      ["c", "[ ]"],
    ]);
  });

  test("are the elements of an array, none for an empty one", () => {
    expect(arrayElements(Buffer.from(' [ [1, 2] , "東京,", null ] ')).map(String)).toEqual([
      "[1, 2]",
      '"東京,"',
      "null",
    ]);
    expect(arrayElements(Buffer.from("[ ]"))).toEqual([]);
  });
});

async function linesOf(child: ChildProcess, onLine?: (line: string) => void): Promise<string[]> {
  const lines: string[] = [];
  const exited = once(child, "exit");
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    lines.push(line);
    onLine?.(line);
  }
  const [code] = await exited;
  if (code !== 0) throw new Error(`exit ${code}: ${lines.slice(-3).join("\n")}`);
  return lines;
}
