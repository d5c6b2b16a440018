import type { ColumnValue } from "./columns.js";

/** A power of two; a batch names no more sessions and agents than this. */
const SLOTS = 64;
const MAX_LENGTH = 64;

interface KnownText {
  readonly bytes: Uint8Array;
  readonly value: ColumnValue;
}

/**
 * What short texts were found to be lately, by their bytes. Sessions, agents and
 * types are the same in one entry after another: making each a new string,
 * checking it and hashing it as a key costs several times as much as comparing bytes.
 */
export class KnownTexts {
  readonly #slots: (KnownText | undefined)[] = new Array(SLOTS).fill(undefined);

  /** The value that was added for the same bytes; undefined if it is not known any more. */
  find(bytes: Uint8Array, from: number, end: number): ColumnValue | undefined {
    const length = end - from;
    if (length === 0 || length > MAX_LENGTH) return undefined;
    const slot = this.#slots[slotOf(bytes, from, end)];
    if (!slot || slot.bytes.length !== length) return undefined;
    for (let i = length - 1; i >= 0; i--) if (slot.bytes[i] !== bytes[from + i]) return undefined;
    return slot.value;
  }

  add(bytes: Uint8Array, from: number, end: number, value: ColumnValue): void {
    const length = end - from;
    if (length === 0 || length > MAX_LENGTH) return;
    this.#slots[slotOf(bytes, from, end)] = {
      bytes: Uint8Array.prototype.slice.call(bytes, from, end),
      value,
    };
  }
}

// Names that are counted or random differ at their end.
function slotOf(bytes: Uint8Array, from: number, end: number): number {
  const last = bytes[end - 1] as number;
  const before = end - 1 > from ? (bytes[end - 2] as number) : 0;
  return (last * 7 + before * 31 + (end - from)) & (SLOTS - 1);
}
