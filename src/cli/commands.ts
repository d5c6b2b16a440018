import type { Command } from "./command.js";

/** A subcommand as the overview shows it. */
export interface ListedCommand {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Loads what it is made of: no command waits for the modules of another. */
  load(): Promise<Command>;
}

/** The subcommands of `holdfast`. */
export const commands: readonly ListedCommand[] = [
  {
    name: "serve",
    summary: "Serve until SIGTERM, SIGINT or SIGHUP",
    load: async () => (await import("./serve.js")).serve,
  },
  {
    name: "tail",
    summary: "Follow what agents record, as it happens or from any position",
    load: async () => (await import("./tail.js")).tail,
  },
  {
    name: "migrate",
    summary: "Bring the database to this version, or say how far it is",
    load: async () => (await import("./migrate.js")).migrate,
  },
  {
    name: "verify",
    summary: "Recompute every hash and the state from the log, and name the first difference",
    load: async () => (await import("./verify.js")).verify,
  },
  {
    name: "export",
    summary: "Write a tenant, session or agent as JSON Lines that holdfast import takes again",
    load: async () => (await import("./export.js")).exportCommand,
  },
  {
    name: "import",
    summary: "Bring over what an older agent kept in JSON files and SQLite, or an export, losing nothing",
    load: async () => (await import("./import.js")).importCommand,
  },
  {
    name: "backup",
    summary: "Write the whole database, as of one moment, into one file",
    load: async () => (await import("./backup.js")).backup,
  },
  {
    name: "restore",
    summary: "Load a backup into an empty database and verify it",
    load: async () => (await import("./restore.js")).restore,
  },
];
