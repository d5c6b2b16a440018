import type { Command, CommandOption } from "./command.js";
import type { ListedCommand } from "./commands.js";

/** What `holdfast COMMAND --help` says. */
export function formatHelp({ name, summary }: ListedCommand, { usage, about, options }: Command): string {
  const list = Object.entries(options).map(([option, details]) => formatOption(option, details));
  return [
    `Usage: holdfast ${name} ${usage}`,
    `${summary}.`,
    about,
    `Options:\n${[...list, "  -h, --help\n        this text"].join("\n")}`,
  ]
    .filter((part) => part !== "")
    .join("\n\n")
    .concat("\n");
}

/** What `holdfast help` says. */
export function formatOverview(commands: readonly ListedCommand[], version: string): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const list = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    `Holdfast ${version}: the durable state of autonomous agents, served over gRPC from Postgres.`,
    "Usage: holdfast COMMAND [options]",
    list.join("\n"),
    "Every command explains itself: holdfast COMMAND --help",
  ]
    .join("\n\n")
    .concat("\n");
}

function formatOption(name: string, { placeholder, multiple, about, source }: CommandOption): string {
  const value = placeholder ? ` ${placeholder}` : "";
  const more = multiple ? ", may be repeated" : "";
  return `  --${name}${value}${more}\n        ${about}${source ? `\n        (${source})` : ""}`;
}
