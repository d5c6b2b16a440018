import { readVersion } from "../core/version.js";
import { backup } from "./backup.js";
import type { Command } from "./command.js";
import { CommandError } from "./command-error.js";
import { explain } from "./explain.js";
import { exportCommand } from "./export.js";
import { formatHelp, formatOverview } from "./format-help.js";
import { importCommand } from "./import.js";
import { migrate } from "./migrate.js";
import { parseCommandLine } from "./parse-command-line.js";
import { restore } from "./restore.js";
import { serve } from "./serve.js";
import { tail } from "./tail.js";
import { verify } from "./verify.js";

const commands: readonly Command[] = [
  serve,
  tail,
  migrate,
  verify,
  exportCommand,
  importCommand,
  backup,
  restore,
];

/**
 * Runs one command line.
 *
 * @returns the exit code: 0 done, 1 it could not be done, 2 it was asked for wrongly.
 */
export async function main(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  try {
    return await dispatch(args, env);
  } catch (error) {
    const message = explain(error) ?? `holdfast failed: ${error instanceof Error ? error.stack : error}`;
    process.stderr.write(`${message}\n`);
    return error instanceof CommandError ? error.exitCode : 1;
  }
}

async function dispatch(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [name, ...rest] = args;
  switch (name) {
    case "--version":
    case "-V":
      return print(`holdfast ${readVersion()}\n`);
    case undefined:
      process.stderr.write(formatOverview(commands, readVersion()));
      return 2;
    case "help":
    case "--help":
    case "-h":
      return print(
        rest[0] === undefined ? formatOverview(commands, readVersion()) : formatHelp(find(rest[0])),
      );
  }
  const command = find(name);
  const { options, words, wantsHelp } = parseCommandLine(command, rest);
  return wantsHelp ? print(formatHelp(command)) : command.run({ options, words, env });
}

function find(name: string): Command {
  const command = commands.find((candidate) => candidate.name === name);
  if (command) return command;
  const known = commands.map((candidate) => candidate.name).join(", ");
  throw new CommandError(`Unknown command '${name}', expected one of: ${known}, help`, 2);
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
