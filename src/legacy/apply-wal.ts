/**
 * A SQLite database with the committed part of its write-ahead log applied, in
 * a form that any SQLite opens without one. https://www.sqlite.org/fileformat2.html
 */
export function applyWal(database: Buffer, wal: Buffer): Buffer {
  const pages = committedPages(wal);
  const last = pages.commit;
  let result = Buffer.from(database);
  if (last) {
    const size = last.pages * pages.pageSize;
    if (result.length < size) result = Buffer.concat([result, Buffer.alloc(size - result.length)]);
    else result = result.subarray(0, size);
    for (const [number, at] of pages.frames) {
      if (number <= last.pages) wal.copy(result, (number - 1) * pages.pageSize, at, at + pages.pageSize);
    }
  }
  // File format versions: 1 is a rollback journal, 2 a WAL.
  if (result.length >= HEADER_LENGTH) result[18] = result[19] = 1;
  return result;
}

const HEADER_LENGTH = 100;
const WAL_HEADER = 32;
const FRAME_HEADER = 24;

interface Committed {
  readonly pageSize: number;
  /** Where the last committed content of each page stands in the log. */
  readonly frames: ReadonlyMap<number, number>;
  readonly commit: { readonly pages: number } | undefined;
}

/** What was committed: frames of the log's own salt, whose running checksum is right, up to the last commit. */
function committedPages(wal: Buffer): Committed {
  const magic = wal.length >= WAL_HEADER ? wal.readUInt32BE(0) : 0;
  const none: Committed = { pageSize: 0, frames: new Map(), commit: undefined };
  if (magic !== 0x377f0682 && magic !== 0x377f0683) return none;
  const isBigEndian = magic === 0x377f0683;
  const pageSize = wal.readUInt32BE(8);
  const salt = wal.subarray(16, 24);
  let sum = checksum(wal, 0, 24, [0, 0], isBigEndian);
  if (sum[0] !== wal.readUInt32BE(24) || sum[1] !== wal.readUInt32BE(28)) return none;
  const frames = new Map<number, number>();
  let pending: [number, number][] = [];
  let commit: { pages: number } | undefined;
  for (let at = WAL_HEADER; at + FRAME_HEADER + pageSize <= wal.length; at += FRAME_HEADER + pageSize) {
    if (!wal.subarray(at + 8, at + 16).equals(salt)) break;
    sum = checksum(wal, at, at + 8, sum, isBigEndian);
    sum = checksum(wal, at + FRAME_HEADER, at + FRAME_HEADER + pageSize, sum, isBigEndian);
    if (sum[0] !== wal.readUInt32BE(at + 16) || sum[1] !== wal.readUInt32BE(at + 20)) break;
    pending.push([wal.readUInt32BE(at), at + FRAME_HEADER]);
    const pages = wal.readUInt32BE(at + 4);
    if (pages === 0) continue;
    commit = { pages };
    for (const [number, from] of pending) frames.set(number, from);
    pending = [];
  }
  return { pageSize, frames, commit };
}

type Sum = readonly [number, number];

function checksum(bytes: Buffer, from: number, to: number, before: Sum, isBigEndian: boolean): Sum {
  let [first, second] = before;
  for (let at = from; at < to; at += 8) {
    const [a, b] = isBigEndian
      ? [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)]
      : [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
    first = (first + a + second) >>> 0;
    second = (second + b + first) >>> 0;
  }
  return [first, second];
}
