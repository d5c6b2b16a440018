import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { connect } from "../clients/typescript/src/index.js";
import { layoutOf } from "../src/postgres/layout.js";
import { stopPostmaster } from "../src/postgres/postmaster.js";
import { findPostmaster } from "../src/postgres/postmaster-file.js";
import { CliProcess } from "./support/cli-process.js";
import { createTestDatabase } from "./support/create-test-database.js";
import { startServer } from "./support/start-server.js";

/** Loaded by the server before itself: a defect of each kind, at a signal. */
const DEFECTS = `
  process.on("SIGUSR2", () => void Promise.reject(new Error("nobody waits for this")));
  process.on("SIGWINCH", () => { throw new Error("nobody catches this"); });
`;

let directory: string;
let server: CliProcess | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-failures-"));
});
afterEach(async () => {
  server?.kill("SIGKILL");
  await server?.exited;
  const left = findPostmaster(layoutOf(directory));
  if (left) await stopPostmaster(left);
  rmSync(directory, { recursive: true, force: true });
});

test("a server outlives an unhandled rejection, and stops in order after an uncaught exception", {
  timeout: 120_000,
}, async () => {
  const preload = `--import=data:text/javascript,${encodeURIComponent(DEFECTS)}`;
  const options = ["--data", directory, "--grpc-port", "0", "--http-port", "0"];
  server = new CliProcess(["serve", ...options], { NODE_OPTIONS: preload }, { mayFail: true });
  const [, address = ""] = await server.says(/gRPC +(\S+)[\s\S]*Next, .*\n/);
  const [, http] = await server.says(/(http:\/\/[^/]+\/metrics)/);
  const failures = async () =>
    /holdfast_unhandled_rejections_total (\d+)/.exec(await (await fetch(http ?? "")).text())?.[1];
  expect(await failures()).toBe("0");

  server.kill("SIGUSR2");
  await server.says(
    /"level":50.*"stack":"Error: nobody waits for this.*"msg":"unhandled rejection"/,
    "stderr",
  );
  expect(await failures()).toBe("1");
  const holdfast = connect({ address });
  expect((await holdfast.recorder().observe({ type: "a" })).position).toBe(1n);
  await holdfast.close();

  server.kill("SIGWINCH");
  expect(await server.exited).toBe(1);
  expect(server.stderr).toMatch(
    /"level":60.*"stack":"Error: nobody catches this.*"msg":"uncaught exception"/,
  );
  expect(server.stdout).toMatch(/Stopped\.\n$/);
  expect(findPostmaster(layoutOf(directory))).toBeUndefined();
});

test("a listen URL that is none keeps nobody from being served", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.close());
  // What it does in the background must not be a rejection that nobody handles: that fails the run.
  const app = await startServer(database.url, { databaseListenUrl: "postgres://[none" });
  onTestFinished(() => app.close());
  const holdfast = connect({ address: `${app.grpc.host}:${app.grpc.port}` });
  onTestFinished(() => holdfast.close());
  expect((await holdfast.recorder().observe({ type: "a" })).position).toBe(1n);
});
