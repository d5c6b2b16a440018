import fc from "fast-check";
import { expect, test } from "vitest";
import type { CommitMark } from "../store/commit-mark.js";
import type { CommittedChange } from "../store/committed-change.js";
import { RecentChanges } from "./recent-changes.js";
import type { Commit } from "./write-flush.js";

/** Commits of so many changes each, after one that ends at a position. What is in `history` tells two logs apart. */
function commits(
  from: CommitMark,
  sizes: readonly number[],
  history: number,
): (Omit<Commit, "logId"> & { first: bigint })[] {
  let { position: end, hash } = from;
  return sizes.map((size) => {
    const first = end + 1n;
    const previousHash = hash;
    end += BigInt(size);
    hash = Uint8Array.from({ length: 32 }, (_, i) =>
      i === 0 ? history : Number((end >> BigInt(8 * (i % 8))) & 255n),
    );
    const changes = Array.from({ length: size }, (_, i) => change(first + BigInt(i)));
    return { first, previousHash, mark: { position: end, hash }, changes: () => changes };
  });
}

function change(position: bigint): CommittedChange {
  return { position, byteLength: 100 } as CommittedChange;
}

const START = { position: 0n, hash: new Uint8Array() };
const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 20 });

test("the commit that contains each position still in memory is known, however much was forgotten", () => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 4, max: 20 }), (given, maxChanges) => {
      const recent = new RecentChanges(START, { maxChanges, maxBytes: 1_000_000 });
      const all = commits(START, given, 1);
      for (const commit of all) expect(recent.commit(commit)).toBe("added");
      for (let position = recent.end; position > 0n && recent.after(position - 1n, 1); position -= 1n) {
        const commit = all.find(({ first, mark }) => first <= position && position <= mark.position);
        expect(recent.trail.at(position)).toEqual(commit?.mark);
      }
      expect(recent.trail.last).toEqual(all.at(-1)?.mark);
      expect(recent.trail.marks.length).toBeLessThanOrEqual(maxChanges + 1);
    }),
  );
});

test("a commit told twice is passed over, one after a gap is not taken, and one of another history is noticed", () => {
  fc.assert(
    fc.property(sizes, fc.nat(19), fc.integer({ min: 1, max: 5 }), (given, at, size) => {
      const recent = new RecentChanges(START, { maxChanges: 1000, maxBytes: 1_000_000 });
      const all = commits(START, given, 1);
      for (const commit of all) recent.commit(commit);
      const { end } = recent;
      const known = all[at % all.length] as (typeof all)[number];
      expect(recent.commit(known)).toBe("added");
      expect(recent.add(known.changes(), [known.mark])).toBe("added");
      const [, late] = commits(recent.trail.last, [size, size], 1);
      if (late) expect(recent.commit(late)).toBe("gap");
      // In its place, or right behind a commit in its place.
      const before = all[(at % all.length) - 1]?.mark ?? START;
      const [instead] = commits(before, [size], 2);
      if (instead) expect(recent.commit(instead)).toBe("diverged");
      const [behind] = commits({ position: end, hash: new Uint8Array(32) }, [size], 2);
      if (behind) expect(recent.commit(behind)).toBe("diverged");
      expect(recent.end).toBe(end);
    }),
  );
});
