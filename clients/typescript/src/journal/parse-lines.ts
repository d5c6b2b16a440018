import { readLine, type WriteJson } from "./journal-line.js";

/** A write, and the length of its line in bytes. */
export interface StoredWrite {
  readonly json: WriteJson;
  readonly byteLength: number;
}

/** What is no line, somewhere before the end. */
export interface DamagedLine {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** What some bytes of a journal file say. */
export interface ParsedLines {
  readonly writes: readonly StoredWrite[];
  /** Writes up to this number are settled; 0 for none. */
  readonly settled: number;
  readonly damaged: readonly DamagedLine[];
  /** Where what is whole ends: behind it lies a line that was being written when its process died. */
  readonly end: number;
  /** The last line is whole but for its newline. */
  readonly lacksNewline: boolean;
}

const NEWLINE = 0x0a;
const BLANK = /^[ ]*$/;

/** Reads lines. A last one without newline that is not whole was never acknowledged: it lies behind the `end`. */
export function parseLines(bytes: Buffer): ParsedLines {
  const writes: StoredWrite[] = [];
  const damaged: DamagedLine[] = [];
  let settled = 0;
  let end = 0;
  let lacksNewline = false;
  while (end < bytes.length) {
    const newline = bytes.indexOf(NEWLINE, end);
    const stop = newline === -1 ? bytes.length : newline;
    const line = bytes.subarray(end, stop);
    const said = readLine(line);
    if (newline === -1) {
      if (!said) break;
      lacksNewline = true;
    }
    if (!said) {
      if (!BLANK.test(line.toString("latin1"))) damaged.push({ offset: end, bytes: line });
    } else if ("settled" in said) settled = Math.max(settled, said.settled);
    else writes.push({ json: said, byteLength: line.length + 1 });
    end = newline === -1 ? stop : stop + 1;
  }
  return { writes, settled, damaged, end, lacksNewline };
}
