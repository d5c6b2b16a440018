import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect, type Holdfast, json } from "../clients/typescript/src/index.js";
import type { App } from "../src/app.js";
import { CliProcess } from "./support/cli-process.js";
import { createTestDatabase, type TestDatabase } from "./support/create-test-database.js";
import { runCommand } from "./support/run-command.js";
import { startServer } from "./support/start-server.js";

describe("holdfast tail", () => {
  let database: TestDatabase;
  let app: App;
  let holdfast: Holdfast;
  let address: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startServer(database.url);
    address = `${app.grpc.host}:${app.grpc.port}`;
    holdfast = connect({ address });
  });
  afterAll(async () => {
    await holdfast.close();
    await app.close();
    await database.close();
  });

  const start = (...args: string[]) => new CliProcess(["tail", "--address", address, ...args]);

  test("follows from now on, goes on after a restart of the server, and ends with Ctrl-C", async () => {
    await holdfast.events.append([{ case: "observation", value: { content: "before" } }]);
    const tail = start();
    await untilFollowing(tail, "live");
    await app.close();
    app = await startServer(database.url, { grpcPort: Number(address.split(":")[1]) });
    await tail.says(/Connected\./, "stderr");
    await holdfast.events.append([{ case: "observation", value: { content: "again" } }]);
    await tail.says(/content=again\n/);
    tail.kill("SIGINT");
    expect(await tail.exited).toBe(0);
    expect(tail.stdout).not.toContain("before");
    expect(tail.stdout.match(/content=again/g)).toHaveLength(1);
    expect(tail.stderr).toMatch(
      /^Not connected \(.*\); trying until it works …\nConnected\.\nTo go on from here: --from \d+\n$/,
    );
  });

  test("shows what was asked for alone, without what would drive a terminal", async () => {
    const session = await holdfast.sessions.open({ agentId: "planner", type: "research" });
    const data = json({ text: "long ".repeat(100) });
    await holdfast.events.append([
      { case: "observation", value: { sessionId: session.id, content: "\u001b[2Jred\u202e", data } },
      { case: "decision", value: { sessionId: session.id, reasoning: "because" } },
    ]);
    const all = ["--from", "start", "--until-caught-up", "--session", session.id];
    const { stdout } = await runCommand(["tail", "--address", address, ...all]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => line.split(/ {2,}/)[3])).toEqual(
      ["session", "observation", "decision"].map(() => expect.any(String)),
    );
    expect(lines).toHaveLength(3);
    expect(lines[0]).toContain(`id=${session.id} agent_id=planner type=research status=ACTIVE`);
    expect(lines[1]).toContain('content="\\u001b[2Jred\\u202e" data={"text":"long long');
    expect(lines[1]?.length).toBeLessThan(400);
    const kinds = await runCommand(["tail", "--address", address, ...all, "--kind", "decision"]);
    expect(kinds.stdout).toMatch(/^.* decision .*reasoning=because\n$/);
  });

  test("ends when its reader does", async () => {
    const tail = start("--from", "start", "--json");
    tail.child.stdout?.once("data", () => tail.child.stdout?.destroy());
    await tail.says(/position/);
    for (let i = 0; i < 20 && tail.child.exitCode === null; i++) {
      await holdfast.events.append([{ case: "observation", value: { content: "more" } }]);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await tail.exited).toBe(0);
  });

  test("says why the server refuses", async () => {
    const { code, stderr } = await runCommand(["tail", "--address", address, "--from", "1000000"]);
    expect(stderr).toMatch(/^The server refuses: .*\(POSITION_IN_FUTURE\)\.\n$/);
    expect(code).toBe(1);
  });

  /** Records until the subscription, which began "now", shows the first. */
  async function untilFollowing(tail: CliProcess, content: string): Promise<void> {
    while (!tail.stdout.includes(content)) {
      await holdfast.events.append([{ case: "observation", value: { content } }]);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
});
