import { type Config, readConfig } from "../config.js";
import { migrateUp, migrationStatus } from "../store/migrate.js";
import { defineCommand } from "./command.js";
import { CommandError } from "./command-error.js";
import type { OutputStream } from "./output.js";
import { settingOptions, settingTexts } from "./setting-options.js";
import { withDatabase } from "./with-database.js";

const actions: Readonly<Record<string, (config: Config, stdout: OutputStream) => Promise<void>>> = {
  up,
  status,
};

/** `holdfast migrate up|status` */
export const migrate = defineCommand({
  usage: "up|status [options]",
  about: `  up      applies what is missing: tables, roles, functions; a server does the same when it starts
  status  lists the migrations and when each was applied

Works on DATABASE_URL if that is set, whose user must own the schema and be
allowed to create roles; else on the embedded Postgres of the data directory,
whether or not a server runs there.`,
  options: settingOptions(["databaseUrl", "dataDirectory", "logLevel"]),
  maxWords: 1,
  async run({ options, words: [action = ""], env, stdout }) {
    const perform = Object.hasOwn(actions, action) ? actions[action] : undefined;
    if (!perform) throw new CommandError("Expected: holdfast migrate up, or holdfast migrate status", 2);
    await perform(readConfig(env, {}, settingTexts(options)), stdout);
    return 0;
  },
});

async function up(config: Config, stdout: OutputStream): Promise<void> {
  const applied = await withDatabase(config, true, (url) => migrateUp({ url }));
  const lines = applied.map((name) => `applied ${name}\n`);
  stdout.write(lines.join("") || "nothing to do: the database is up to date\n");
}

async function status(config: Config, stdout: OutputStream): Promise<void> {
  const migrations = await withDatabase(config, false, (url) => migrationStatus({ url }));
  for (const { name, appliedAt } of migrations) {
    stdout.write(`${name}  ${appliedAt ? `applied ${appliedAt.toISOString()}` : "pending"}\n`);
  }
}
