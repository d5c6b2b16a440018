import { beforeAll, describe, expect, test } from "vitest";
import { settings } from "../src/config.js";
import { buildCli, runCli } from "./support/cli-process.js";
import { runCommand } from "./support/run-command.js";

describe("the command line", () => {
  test("explains itself, with every setting of serve", async () => {
    const overview = await runCommand(["help"]);
    expect(overview).toMatchObject({ code: 0, stderr: "" });
    for (const name of ["serve", "migrate", "tail", "verify"]) {
      expect(overview.stdout).toContain(`  ${name} `);
      const help = await runCommand([name, "--help"]);
      expect(help).toMatchObject({ code: 0, stderr: "" });
      expect(await runCommand(["help", name])).toEqual(help);
    }
    const { stdout } = await runCommand(["serve", "-h"]);
    for (const { env, about } of Object.values(settings)) {
      expect(stdout).toContain(`(${env}, default `);
      expect(stdout).toContain(about);
    }
    expect(stdout).toContain("--grpc-port PORT\n");
  });

  test("tells its version", async () => {
    expect(await runCommand(["--version"])).toMatchObject({ code: 0, stdout: "holdfast 0.1.0\n" });
  });

  test.each([
    [[], /Usage: holdfast COMMAND/],
    [["start"], /Unknown command 'start', expected one of: serve, /],
    [["serve", "--grpc-prt", "1"], /Unknown option '--grpc-prt'. See: holdfast serve --help/],
    [["serve", "now"], /Unexpected argument 'now'/],
    [["serve", "--data"], /argument missing/],
    [["migrate"], /holdfast migrate up, or holdfast migrate status/],
    [["migrate", "down"], /holdfast migrate up, or holdfast migrate status/],
    [["tail", "--from", "yesterday"], /expected now, start or a position, got "yesterday"/],
    [["tail", "--kind", "thought"], /expected one of session, memory, .*got "thought"/],
    [["tail", "--address", "192.0.2.1:4650", "--token", "t"], /needs TLS/],
    [["verify", "--tenant", "me"], /expected a UUID/],
  ])("refuses %j with exit code 2 and one clear message", async (args, message) => {
    const { code, stdout, stderr } = await runCommand(args);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).not.toMatch(/\n {4}at /);
  });

  test.each([
    [
      ["serve"],
      { HOLDFAST_GRPC_PORT: "x", HOLDFAST_LOG_LEVEL: "loud" },
      /^HOLDFAST_GRPC_PORT: .*\nHOLDFAST_LOG_LEVEL: /,
    ],
    [
      ["serve", "--grpc-port", "65536"],
      {},
      /^--grpc-port: expected a whole number from 0 to 65535, got "65536"\n$/,
    ],
    [["serve", "--grpc-host", "0.0.0.0"], {}, /which needs TLS/],
    [["serve", "--tokens", "/nonexistent"], {}, /'\/nonexistent'/],
    [["serve"], { DATABASE_URL: "mysql://u:secret@localhost/x" }, /^DATABASE_URL: expected postgres:/],
    [["migrate", "status", "--data", "/nonexistent"], {}, /There is no data in \/nonexistent/],
  ])("cannot do %j with %j: exit code 1 and one clear message", async (args, env, message) => {
    const { code, stdout, stderr } = await runCommand(args, env);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).not.toMatch(/\n {4}at |secret/);
  });
});

describe("the program", () => {
  beforeAll(buildCli);

  test("writes to the streams of its process and ends with the exit code", async () => {
    expect(await runCli(["--version"])).toEqual({ code: 0, stdout: "holdfast 0.1.0\n", stderr: "" });
    expect(await runCli(["--help"])).toEqual(await runCommand(["help"]));
    expect(await runCli(["migrate", "down"])).toEqual(await runCommand(["migrate", "down"]));
  });

  test.each([
    [
      ["serve"],
      { DATABASE_URL: "postgres://u:secret@127.0.0.1:1/x" },
      /^Postgres cannot be reached: .*ECONNREFUSED/,
    ],
    [
      ["serve", "--data", "/proc/x/y"],
      {},
      /^Cannot use \/proc\/x\/y \(.*\)\. .* another data directory\.\n$/,
    ],
    [["serve", "--data", "/dev/null/x"], {}, /^Cannot use \/dev\/null\/x \(.*\)\. .*\n$/],
  ])(
    "ends with exit code 1 and one clear message, whatever of %j with %j it had started",
    async (args, env, message) => {
      const { code, stdout, stderr } = await runCli(args, env);
      expect(stderr).toMatch(message);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).not.toMatch(/\n {4}at |secret/);
    },
  );
});
