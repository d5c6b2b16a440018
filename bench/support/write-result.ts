import { mkdirSync, writeFileSync } from "node:fs";

/** Where results go, from the directory the bench was started in; not committed. */
export const RESULTS = "bench/results";

/** Writes a result as JSON under a name of its own, and returns the path. */
export function writeResult(bench: string, result: object): string {
  return writeJson(`${RESULTS}/${bench}-${new Date().toISOString().replaceAll(/[:.]/g, "-")}.json`, result);
}

/** Writes JSON under bench/results/, and returns the path. */
export function writeJson(path: string, value: object): string {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
  return path;
}
