/** A value found where it was asked for, or what could not be read. */
export interface JsonPart {
  /** Member names and indexes from the root to it. */
  readonly path: readonly (string | number)[];
  /** The very bytes it was written in. */
  readonly raw: Buffer;
  /** Why it cannot be used; undefined for a value. */
  readonly problem?: string;
  /** Whether what follows cannot be understood any more. */
  readonly endsFile?: boolean;
}

/** Whether to look into a container instead of taking it as one value. */
export type Enters = (path: readonly (string | number)[], opening: "{" | "[") => boolean;

interface Level {
  readonly isObject: boolean;
  key: string;
  index: number;
  expects: "first" | "value" | "key" | "colon" | "comma";
}

/**
 * Splits JSON that arrives in chunks into the values to be taken, each as the
 * bytes it was written in, holding one of them at a time. What is inside a
 * value is only followed so far as to find its end; NaN and the like pass.
 */
export class JsonSplitter {
  readonly #enters: Enters;
  readonly #maxBytes: number;
  readonly #levels: Level[] = [];
  #parts: JsonPart[] = [];
  #isDone = false;
  #failed = false;
  #offset = 0;
  // The value or key being read.
  #taking: "value" | "key" | undefined;
  #pieces: Buffer[] = [];
  #taken = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #isScalar = false;

  constructor(enters: Enters, maxBytes: number) {
    this.#enters = enters;
    this.#maxBytes = maxBytes;
  }

  /** What a chunk completes. */
  push(chunk: Buffer): readonly JsonPart[] {
    let at = this.#offset === 0 && chunk.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0;
    while (at < chunk.length && !this.#failed) {
      at = this.#taking ? this.#take(chunk, at) : this.#structure(chunk, at);
    }
    this.#offset += chunk.length;
    return this.#flush();
  }

  /** What the end completes, or shows to be missing. */
  end(): readonly JsonPart[] {
    if (!this.#failed && this.#taking === "value" && this.#isScalar && this.#levels.length === 0) {
      this.#finish();
    }
    if (!this.#failed && (!this.#isDone || this.#taking)) this.#fail("the file ends in the middle of it");
    return this.#flush();
  }

  #flush(): readonly JsonPart[] {
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }

  #path(): (string | number)[] {
    return this.#levels.map((level) => (level.isObject ? level.key : level.index));
  }

  /** One byte between values; returns where to go on. */
  #structure(chunk: Buffer, at: number): number {
    const byte = chunk[at] as number;
    if (byte === SPACE || byte === NEWLINE || byte === RETURN || byte === TAB) return at + 1;
    const level = this.#levels.at(-1);
    if (!level) return this.#isDone ? this.#unexpected(chunk, at) : this.#begin(chunk, at);
    const isClosing = byte === (level.isObject ? CLOSE_BRACE : CLOSE_BRACKET);
    if (isClosing && (level.expects === "first" || level.expects === "comma")) {
      this.#levels.pop();
      this.#completed();
      return at + 1;
    }
    switch (level.expects) {
      case "comma":
        if (byte !== COMMA) return this.#unexpected(chunk, at);
        level.index += 1;
        level.expects = level.isObject ? "key" : "value";
        return at + 1;
      case "colon":
        if (byte !== COLON) return this.#unexpected(chunk, at);
        level.expects = "value";
        return at + 1;
      case "first":
      case "key":
        if (!level.isObject) return this.#begin(chunk, at);
        if (byte !== QUOTE) return this.#unexpected(chunk, at);
        this.#start("key", false);
        return at;
      case "value":
        return this.#begin(chunk, at);
    }
  }

  #begin(chunk: Buffer, at: number): number {
    const byte = chunk[at] as number;
    const isOpening = byte === OPEN_BRACE || byte === OPEN_BRACKET;
    if (isOpening && this.#enters(this.#path(), byte === OPEN_BRACE ? "{" : "[")) {
      this.#levels.push({ isObject: byte === OPEN_BRACE, key: "", index: 0, expects: "first" });
      return at + 1;
    }
    if (byte === COMMA || byte === COLON || byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      return this.#unexpected(chunk, at);
    }
    this.#start("value", !isOpening && byte !== QUOTE);
    return at;
  }

  #start(taking: "value" | "key", isScalar: boolean): void {
    this.#taking = taking;
    this.#pieces = [];
    this.#taken = 0;
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
    this.#isScalar = isScalar;
  }

  /** Follows the value being read to its end or the chunk's. */
  #take(chunk: Buffer, from: number): number {
    let at = from;
    let isOver = false;
    while (at < chunk.length && !isOver) {
      const byte = chunk[at] as number;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) {
          this.#inString = false;
          isOver = this.#depth === 0;
        }
      } else if (this.#isScalar) {
        if (ENDS_SCALAR[byte] === 1) {
          this.#keep(chunk, from, at);
          this.#finish();
          return at;
        }
      } else if (byte === QUOTE) this.#inString = true;
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth += 1;
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        this.#depth -= 1;
        isOver = this.#depth === 0;
      }
      at += 1;
    }
    this.#keep(chunk, from, at);
    if (isOver) this.#finish();
    return at;
  }

  #keep(chunk: Buffer, from: number, to: number): void {
    this.#taken += to - from;
    // Of what is too large only its length is of use.
    if (this.#taken <= this.#maxBytes) this.#pieces.push(Buffer.from(chunk.subarray(from, to)));
    else this.#pieces = this.#pieces.slice(0, 1);
  }

  #finish(): void {
    const raw = Buffer.concat(this.#pieces);
    const taking = this.#taking;
    this.#taking = undefined;
    this.#pieces = [];
    const level = this.#levels.at(-1);
    if (taking === "key" && level) {
      level.key = keyText(raw);
      level.expects = "colon";
      return;
    }
    const isTooLarge = this.#taken > this.#maxBytes;
    this.#parts.push({
      path: this.#path(),
      raw,
      ...(isTooLarge && {
        problem: `expected at most ${this.#maxBytes} bytes, got ${this.#taken}`,
      }),
    });
    this.#completed();
  }

  #completed(): void {
    const level = this.#levels.at(-1);
    if (level) level.expects = "comma";
    else this.#isDone = true;
  }

  #unexpected(chunk: Buffer, at: number): number {
    this.#fail(`not JSON: something else was expected at byte ${this.#offset + at}`);
    return chunk.length;
  }

  #fail(problem: string): void {
    this.#parts.push({ path: this.#path(), raw: Buffer.concat(this.#pieces), problem, endsFile: true });
    this.#failed = true;
  }
}

function keyText(raw: Buffer): string {
  try {
    return JSON.parse(raw.toString("utf8")) as string;
  } catch {
    return raw.toString("utf8").slice(1, -1);
  }
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);
const [TAB, NEWLINE, RETURN, SPACE, QUOTE, COMMA, COLON, BACKSLASH] = [9, 10, 13, 32, 34, 44, 58, 92];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [91, 93, 123, 125];
const ENDS_SCALAR = new Uint8Array(256);
for (const byte of [TAB, NEWLINE, RETURN, SPACE, COMMA, COLON, CLOSE_BRACKET, CLOSE_BRACE, QUOTE]) {
  ENDS_SCALAR[byte as number] = 1;
}
