import type { Output } from "./output.js";

/** One option of a command line. */
export interface CommandOption {
  /** A boolean takes no value; `--no-…` turns it off. */
  readonly type: "string" | "boolean";
  /** May be given several times. */
  readonly multiple?: boolean;
  /** What stands for the value in help: "PORT". */
  readonly placeholder?: string;
  readonly about: string;
  /** Where else it may come from and what it is otherwise: "HOLDFAST_DATA, else .holdfast". */
  readonly source?: string;
}

export type CommandOptions = Readonly<Record<string, CommandOption>>;

type OptionValue<O extends CommandOption> = O["type"] extends "boolean"
  ? boolean
  : O extends { readonly multiple: true }
    ? readonly string[]
    : string;

/** What was given of each option. */
export type OptionValues<Os extends CommandOptions> = { readonly [K in keyof Os]?: OptionValue<Os[K]> };

/** What a command works on besides its options, and where it writes. */
export interface Invocation<Os extends CommandOptions> extends Output {
  readonly options: OptionValues<Os>;
  /** The words that are not options. */
  readonly words: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** What a subcommand of `holdfast` takes and does. */
export interface Command<Os extends CommandOptions = CommandOptions> {
  /** What follows the name: "up|status [options]". */
  readonly usage: string;
  /** What else its help says, above the options. */
  readonly about: string;
  readonly options: Os;
  /** The words it takes, at most; more are refused. */
  readonly maxWords: number;
  /** Resolves with the exit code. @throws CommandError and whatever `explain` understands */
  run(invocation: Invocation<Os>): Promise<number>;
}

/** A command whose `run` sees its options typed. */
export function defineCommand<const Os extends CommandOptions>(command: Command<Os>): Command {
  return command as unknown as Command;
}
