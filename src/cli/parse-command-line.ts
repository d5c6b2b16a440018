import { parseArgs } from "node:util";
import type { Command, CommandOptions, OptionValues } from "./command.js";
import { CommandError } from "./command-error.js";

export interface CommandLine {
  readonly options: OptionValues<CommandOptions>;
  readonly words: readonly string[];
  readonly wantsHelp: boolean;
}

/** Takes the arguments of a command apart. @throws CommandError 2 for what it does not know */
export function parseCommandLine(name: string, command: Command, args: readonly string[]): CommandLine {
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { type, multiple = false }]) => [name, { type, multiple }]),
  );
  const { values, positionals } = parse(name, args, options);
  const { help, ...rest } = values;
  const extra = positionals[command.maxWords];
  if (extra !== undefined && !help) throw misuse(name, `Unexpected argument '${extra}'`);
  return { options: rest as OptionValues<CommandOptions>, words: positionals, wantsHelp: help === true };
}

function parse(
  name: string,
  args: readonly string[],
  options: Record<string, { type: "string" | "boolean"; multiple: boolean }>,
) {
  try {
    return parseArgs({
      args: [...args],
      options: { ...options, help: { type: "boolean", short: "h" } },
      allowPositionals: true,
      allowNegative: true,
    });
  } catch (error) {
    // Node adds advice about positional arguments that no command here needs.
    const [sentence = ""] = (error as Error).message.split(/\. To specify|\n/);
    throw misuse(name, sentence.replace(/\.$/, ""));
  }
}

function misuse(name: string, problem: string): CommandError {
  return new CommandError(`${problem}. See: holdfast ${name} --help`, 2);
}
