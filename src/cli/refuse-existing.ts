import { existsSync } from "node:fs";
import { CommandError } from "./command-error.js";

/** @throws CommandError if there is something under this name: nothing is ever written over. */
export function refuseExisting(path: string): void {
  if (existsSync(path)) throw new CommandError(`${path} is there already: name another, or move it away`);
}
