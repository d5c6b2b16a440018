import { mkdirSync, writeFileSync } from "node:fs";

/** Writes a result as JSON under bench/results/ of the directory the bench was started in, and returns the path. */
export function writeResult(bench: string, result: object): string {
  const directory = "bench/results";
  mkdirSync(directory, { recursive: true });
  const path = `${directory}/${bench}-${new Date().toISOString().replaceAll(/[:.]/g, "-")}.json`;
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`);
  return path;
}
