import { createReadStream, existsSync } from "node:fs";
import { createInterface } from "node:readline";

/** The JSON lines of a file, one after the other; none when there is no file. A line cut short by a kill is left out. */
export async function* readLines<T>(path: string): AsyncGenerator<T, void> {
  if (!existsSync(path)) return;
  for await (const line of createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    if (line.endsWith("}")) yield JSON.parse(line) as T;
  }
}
