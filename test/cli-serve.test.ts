import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connect } from "../clients/typescript/src/index.js";
import { EventService } from "../gen/holdfast/v1/event_pb.js";
import { layoutOf } from "../src/postgres/layout.js";
import { stopPostmaster } from "../src/postgres/postmaster.js";
import { findPostmaster } from "../src/postgres/postmaster-file.js";
import { CliProcess, runCli } from "./support/cli-process.js";
import { createTestDatabase } from "./support/create-test-database.js";
import { RpcClient } from "./support/rpc-client.js";
import { runCommand } from "./support/run-command.js";

const PORTS = ["--grpc-port", "0", "--http-port", "0"];

/** Milliseconds: whoever waited for a drain as long as it may take would not end before the test does. */
const FOREVER_MS = 600_000;

describe("holdfast serve", () => {
  /** A migrated database, for tests that are not about making one: that takes a second or more. */
  let seed: string;
  let directory: string;
  beforeAll(async () => {
    seed = mkdtempSync(join(tmpdir(), "holdfast-cli-seed-"));
    const made = await runCommand(["migrate", "up", "--data", seed]);
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^applied 0001-log\n/), stderr: "" });
  });
  afterAll(() => rmSync(seed, { recursive: true, force: true }));

  const started: CliProcess[] = [];
  beforeEach(() => {
    // Of mode 0700, as mkdtemp makes it: for root that is a place the account of Postgres cannot enter.
    directory = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
    chmodSync(directory, 0o700);
    execFileSync("cp", ["-a", join(seed, "data"), directory]);
  });
  afterEach(async () => {
    for (const cli of started.splice(0)) {
      cli.kill("SIGKILL");
      await cli.exited;
    }
    const left = findPostmaster(layoutOf(directory));
    if (left) await stopPostmaster(left);
    rmSync(directory, { recursive: true, force: true });
  });

  async function serve(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
    const cli = new CliProcess(["serve", "--data", directory, ...PORTS, ...args], { LANG: "C", ...env });
    started.push(cli);
    const [, address = ""] = await cli.says(/gRPC +(\S+)[\s\S]*Next, .*\n/);
    return { cli, address };
  }

  async function record(address: string): Promise<bigint> {
    const holdfast = connect({ address });
    const recorder = holdfast.recorder();
    const { position } = await recorder.observe({ content: "äöü 漢字" });
    await holdfast.close();
    return position;
  }

  test("says what runs where and what to type next, under LANG=C, keeps others off its data, and drains on SIGTERM", async () => {
    const { cli, address } = await serve();
    expect(cli.stdout).toMatch(
      /^Holdfast \S+ serves\.\n {2}gRPC .*\n {2}HTTP .*\n {2}Postgres {2}\S+, embedded/,
    );
    expect(cli.stdout).toContain(directory);
    expect(await record(address)).toBe(1n);
    expect(await runCli(["serve", "--data", directory, ...PORTS])).toEqual({
      code: 1,
      stdout: "",
      stderr:
        `The data in ${directory} is in use: process ${cli.child.pid} runs its Postgres. ` +
        "Stop that Holdfast first, or give this one a data directory of its own.\n",
    });
    const verified = await showBeside(address);
    cli.kill("SIGTERM");
    expect(await cli.exited).toBe(0);
    expect(cli.stdout).toMatch(/Stopping: .*\nStopped\.\n$/);
    expect(cli.stderr).toBe("");
    expect(findPostmaster(layoutOf(directory))).toBeUndefined();
    // Without a server it starts Postgres itself, in a process of its own.
    expect(await runCli(["verify", "--data", directory])).toEqual(verified);
  });

  /** Runs migrate, verify and tail on the data of a server that runs, and gives what verify says. */
  async function showBeside(address: string) {
    expect((await runCommand(["migrate", "up", "--data", directory])).stdout).toMatch(/^nothing to do/);
    expect((await runCommand(["migrate", "status", "--data", directory])).stdout).toMatch(
      /^0001-log {2}applied /,
    );
    const verified = await runCommand(["verify", "--data", directory]);
    expect(verified).toMatchObject({ code: 0, stderr: "" });
    expect(verified.stdout).toMatch(/intact {2}events 1 .*hash [0-9a-f]{64}\n$/);
    const tail = ["tail", "--address", address, "--from", "start", "--until-caught-up"];
    expect((await runCommand(tail)).stdout).toMatch(/^ {5}1 {2}\S+ {2}observation .*content="äöü 漢字"\n$/);
    const [line = "{}"] = (await runCommand([...tail, "--json"])).stdout.split("\n");
    expect(JSON.parse(line)).toMatchObject({ position: "1", observation: { content: "äöü 漢字" } });
    return verified;
  }

  test("after kill -9 takes over the Postgres that ran on, with everything in it", async () => {
    const first = await serve();
    expect(await record(first.address)).toBe(1n);
    const postgres = findPostmaster(layoutOf(directory))?.pid;
    first.cli.kill("SIGKILL");
    await first.cli.exited;
    const second = await serve();
    expect(findPostmaster(layoutOf(directory))?.pid).toBe(postgres);
    expect(await record(second.address)).toBe(2n);
  });

  test("ends calls at once at the second signal, and Postgres still stops last", async () => {
    const { cli, address } = await serve(["--drain-timeout-ms", String(FOREVER_MS)]);
    const [host = "", port] = address.split(":");
    // A writer that does not move when told to keeps the drain waiting.
    const writer = new RpcClient({ host, port: Number(port) });
    const stream = writer.duplex(EventService.method.appendStream);
    stream.write({ request: { case: "open", value: {} } });
    expect((await stream.next())?.response.case).toBe("opened");
    cli.kill("SIGTERM");
    await cli.says(/Stopping/);
    expect((await stream.next())?.response.case).toBe("drain");
    await expect(Promise.race([cli.exited, delay(300, "still draining")])).resolves.toBe("still draining");
    cli.kill("SIGTERM");
    expect(await cli.exited).toBe(0);
    expect(findPostmaster(layoutOf(directory))).toBeUndefined();
    expect((await stream.status).code).toBe(status.UNAVAILABLE);
    writer.close();
  });

  test("stops quietly when asked to before it serves", async () => {
    rmSync(join(directory, "data"), { recursive: true });
    const cli = new CliProcess(["serve", "--data", directory, ...PORTS]);
    started.push(cli);
    while (!existsSync(join(directory, "owner.lock"))) await delay(5);
    cli.kill("SIGINT");
    expect(await cli.exited).toBe(0);
    expect(cli.stderr).toBe("");
    expect(findPostmaster(layoutOf(directory))).toBeUndefined();
  });

  test.each(["grpc", "http"])(
    "names the %s port that is taken, and stops its Postgres again",
    async (edge) => {
      const taken = createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => taken.once("listening", resolve));
      const { port } = taken.address() as { port: number };
      const args = ["serve", "--data", directory, ...PORTS, `--${edge}-port`, String(port)];
      const { code, stderr } = await runCli(args);
      taken.close();
      expect(stderr).toBe(
        `Holdfast cannot listen on 127.0.0.1:${port}: another process listens there. ` +
          "Stop that one, or choose another port.\n",
      );
      expect(code).toBe(1);
      expect(findPostmaster(layoutOf(directory))).toBeUndefined();
    },
  );

  test("uses DATABASE_URL when set, starts no Postgres, and shows no password", async () => {
    const database = await createTestDatabase();
    try {
      const { cli, address } = await serve([], { DATABASE_URL: database.url });
      expect(cli.stdout).not.toContain("embedded");
      expect(cli.stdout).not.toMatch(/Postgres .*@/);
      expect(await record(address)).toBe(1n);
      expect(findPostmaster(layoutOf(directory))).toBeUndefined();
      cli.kill("SIGTERM");
      expect(await cli.exited).toBe(0);
    } finally {
      await database.close();
    }
  });
});
