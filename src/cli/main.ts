import { readVersion } from "../core/version.js";
import { CommandError } from "./command-error.js";
import { commands, type ListedCommand } from "./commands.js";
import { formatHelp, formatOverview } from "./format-help.js";
import type { Output } from "./output.js";
import { parseCommandLine } from "./parse-command-line.js";

/**
 * Runs one command line.
 *
 * @returns the exit code: 0 done, 1 it could not be done, 2 it was asked for wrongly.
 */
export async function main(args: readonly string[], env: NodeJS.ProcessEnv, output: Output): Promise<number> {
  try {
    return await dispatch(args, env, output);
  } catch (error) {
    // What it takes to tell failures apart is loaded when there is one.
    const { explain } = await import("./explain.js");
    const message = explain(error) ?? `holdfast failed: ${error instanceof Error ? error.stack : error}`;
    output.stderr.write(`${message}\n`);
    return error instanceof CommandError ? error.exitCode : 1;
  }
}

async function dispatch(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  { stdout, stderr }: Output,
): Promise<number> {
  const [name, ...rest] = args;
  switch (name) {
    case "--version":
    case "-V":
      stdout.write(`holdfast ${readVersion()}\n`);
      return 0;
    case undefined:
      stderr.write(formatOverview(commands, readVersion()));
      return 2;
    case "help":
    case "--help":
    case "-h":
      stdout.write(
        rest[0] === undefined ? formatOverview(commands, readVersion()) : await help(find(rest[0])),
      );
      return 0;
  }
  const listed = find(name);
  const command = await listed.load();
  const { options, words, wantsHelp } = parseCommandLine(name, command, rest);
  if (!wantsHelp) return command.run({ options, words, env, stdout, stderr });
  stdout.write(formatHelp(listed, command));
  return 0;
}

async function help(listed: ListedCommand): Promise<string> {
  return formatHelp(listed, await listed.load());
}

function find(name: string): ListedCommand {
  const command = commands.find((candidate) => candidate.name === name);
  if (command) return command;
  const known = commands.map((candidate) => candidate.name).join(", ");
  throw new CommandError(`Unknown command '${name}', expected one of: ${known}, help`, 2);
}
