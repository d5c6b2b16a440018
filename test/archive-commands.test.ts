import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "./support/archives.js";
import { runCli } from "./support/cli-process.js";
import { action, observation, payload } from "./support/entries.js";
import { progressLines } from "./support/progress-lines.js";
import { query } from "./support/query.js";
import { runCommand } from "./support/run-command.js";
import { newTenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

const source = useServers({ memoryAccessIntervalMs: 1 });
const target = useServers({});

// Many processes start, one after the other.
describe("holdfast export and import", () => {
  test("take a tenant from one database to another, beside running servers, and say so", async () => {
    const { DATABASE_URL, OTHER } = { DATABASE_URL: source.databaseUrl, OTHER: target.databaseUrl };
    const tenant = newTenant(source.app());
    const { id } = await tenant.open({ agentId: "planner" });
    const text = '{ "a" :1e400,\n "a":"\\u0000"}';
    await tenant.append(observation({ sessionId: id, data: payload(text) }), action({ sessionId: id }));
    const folder = join(await temporaryFolder(), "new", "export");

    const exported = await runCli(["export", folder, "--tenant", tenant.id], { DATABASE_URL });
    expect(exported).toMatchObject({ code: 0, stderr: progressLines });
    const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    expect(exported.stdout).toContain(`tenant ${tenant.id} up to position 3, hash ${manifest.log.hash}\n`);
    const line = JSON.parse(readFileSync(join(folder, "observations.jsonl"), "utf8"));
    expect(line.record.data).toBe(text);

    const imported = await runCli(["import", folder], { DATABASE_URL: OTHER });
    expect(imported).toMatchObject({ code: 0, stderr: progressLines });
    expect(imported.stdout).toMatch(
      new RegExp(
        `^tenant ${tenant.id}: 3 changes added, 0 were there, 0 refused, .*hash ${manifest.log.hash}, verified`,
      ),
    );
    const there = await tenant.on(target.app()).listAll();
    expect(there).toEqual((await tenant.listAll()).slice(0, 3));
    const twice = await runCommand(["import", folder, "--json"], { DATABASE_URL: OTHER });
    expect(JSON.parse(twice.stdout)).toMatchObject({ added: 0, already_there: 3, refused: 0 });

    const audits = await query(
      DATABASE_URL,
      "SELECT operation, target, metadata FROM holdfast.security_audits WHERE tenant_id = $1",
      [tenant.id],
    );
    expect(audits).toEqual([
      { operation: "holdfast export", target: tenant.id, metadata: { position: "3", lines: 7 } },
    ]);

    const again = await runCommand(["export", folder, "--tenant", tenant.id], { DATABASE_URL });
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("is not empty") });
    const part = join(await temporaryFolder(), "part");
    await runCommand(["export", part, "--tenant", tenant.id, "--session", id, "--compress"], {
      DATABASE_URL,
    });
    const taken = await runCommand(["import", part, "--json"], { DATABASE_URL: OTHER });
    expect(JSON.parse(taken.stdout)).toMatchObject({ added: 0, already_there: 3 });
  });

  test("name the line of a file that was altered, and exit with 1", async () => {
    const tenant = newTenant(source.app());
    await tenant.append(observation({ content: "true" }));
    const folder = join(await temporaryFolder(), "export");
    await runCommand(["export", folder, "--tenant", tenant.id], { DATABASE_URL: source.databaseUrl });
    const file = join(folder, "observations.jsonl");
    writeFileSync(file, readFileSync(file, "utf8").replace("true", "fals"));
    expect(await runCommand(["import", folder, "--json"], { DATABASE_URL: target.databaseUrl })).toEqual({
      code: 1,
      stdout: "",
      stderr: "observations.jsonl line 1 was altered: its hash is not the one at its end\n",
    });
  });

  test.each([
    [["export"], /Expected: holdfast export FOLDER/],
    [["export", "x", "--session", "y"], /--session: expected a UUID/],
    [
      ["export", "x", "--agent", "a", "--session", "01900000-0000-7000-8000-00000000000a"],
      /Expected --session or --agent, got both/,
    ],
    [["import"], /Expected one PATH/],
    [["backup"], /Expected: holdfast backup FILE/],
    [["restore"], /Expected: holdfast restore FILE/],
  ])("refuse %j with exit code 2 and one clear message", async (args, message) => {
    const { code, stdout, stderr } = await runCommand(args);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });

  test.each([
    [["export", "x", "--encrypt-to", "age1x"], /^expected an age recipient, "age1…", got "age1x"\n$/],
    [["restore", "/nonexistent"], /^ENOENT: no such file or directory, open '\/nonexistent'\n$/],
    [["restore", "/nonexistent", "--identity", "/nonexistent/key"], /--identity: ENOENT/],
    [["import", "/nonexistent"], /^\/nonexistent: expected a file or folder to import, found none\n$/],
    [["export", "/dev/null/x", "--tenant", "01900000-0000-7000-8000-00000000000a"], /^ENOTDIR/],
  ])("cannot do %j: exit code 1 and one clear message", async (args, message) => {
    const { code, stdout, stderr } = await runCommand(args, { DATABASE_URL: target.databaseUrl });
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).not.toMatch(/\n {4}at /);
  });
});
