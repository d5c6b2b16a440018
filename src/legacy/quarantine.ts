import { appendFile, writeFile } from "node:fs/promises";
import type { BadRecord } from "./source-record.js";

/** One line of a quarantine file. */
export interface QuarantinedRecord {
  readonly file: string;
  readonly path: string;
  readonly reason: string;
  /** The record as JSON where it is; mend it here. */
  readonly record?: unknown;
  /** Its text where it is no JSON; mend it here, or put a `record` in its place. */
  readonly text?: string;
}

/** Most of a text that is no JSON is of no use in a line to be mended. */
const MAX_TEXT = 1024 * 1024;

/** Collects what cannot be imported in a file of JSON Lines that can be mended and fed back. */
export class Quarantine {
  readonly path: string | undefined;
  readonly #onStored: (bytes: number) => void;
  count = 0;
  /** The first of them, for the report: never their content. */
  readonly examples: { readonly file: string; readonly path: string; readonly reason: string }[] = [];

  private constructor(path: string | undefined, onStored: (bytes: number) => void) {
    this.path = path;
    this.#onStored = onStored;
  }

  /**
   * @param path where to; undefined only counts. What is there is replaced.
   * @param onStored is told of bytes before they are written
   */
  static async open(
    path: string | undefined,
    onStored: (bytes: number) => void = () => {},
  ): Promise<Quarantine> {
    // It may hold secrets as the sources do.
    if (path !== undefined) await writeFile(path, "", { mode: 0o600 });
    return new Quarantine(path, onStored);
  }

  async add(bad: BadRecord): Promise<void> {
    this.count += 1;
    const { file, path, reason } = bad;
    if (this.examples.length < 20) this.examples.push({ file, path, reason });
    if (this.path === undefined) return;
    const line = Buffer.from(quarantineLine(bad));
    this.#onStored(line.byteLength);
    await appendFile(this.path, line);
  }
}

// The record's own text goes into the line: parsed and written again, numbers would be others.
function quarantineLine({ file, path, reason, raw }: BadRecord): string {
  const head = JSON.stringify({ file, path, reason }).slice(0, -1);
  const text = raw.subarray(0, MAX_TEXT).toString("utf8");
  let body = `"text":${JSON.stringify(text)}`;
  try {
    JSON.parse(text);
    if (raw.length <= MAX_TEXT) body = `"record":${oneLine(text)}`;
  } catch {
    // It stays text.
  }
  return `${head},${body}}\n`;
}

/** JSON on one line: line breaks stand between its tokens alone. */
function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, " ");
}
