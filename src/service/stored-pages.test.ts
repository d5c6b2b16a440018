import fc from "fast-check";
import { expect, test } from "vitest";
import type { CommittedChange } from "../store/committed-change.js";
import { type MarkedPage, StoredPages } from "./stored-pages.js";

/** A log of which each filter matches every so-manieth change. */
function read(every: number, after: number, count: number): MarkedPage {
  const positions = Array.from({ length: count }, (_, i) => after + i + 1).filter((at) => at % every === 0);
  const changes = positions.map((at) => ({ position: BigInt(at), byteLength: 100 }) as CommittedChange);
  return { changes, through: BigInt(after + count), mark: undefined };
}

test("whatever is kept, a page found begins where it was asked for and leaves nothing out", () => {
  const steps = fc.array(
    fc.record({
      every: fc.integer({ min: 1, max: 2 }),
      after: fc.nat(60),
      count: fc.integer({ min: 1, max: 20 }),
    }),
    { minLength: 10, maxLength: 60 },
  );
  let found = 0;
  fc.assert(
    fc.property(steps, (all) => {
      const pages = new StoredPages(2000);
      for (const { every, after, count } of all) {
        const page = pages.find(String(every), BigInt(after));
        if (!page) {
          pages.keep(String(every), BigInt(after), read(every, after, count));
          continue;
        }
        found += 1;
        expect(page.through).toBeGreaterThan(BigInt(after));
        expect(page).toEqual(read(every, after, Number(page.through) - after));
      }
    }),
  );
  expect(found).toBeGreaterThan(100);
});

test("what was used last is kept, as much of it as the bytes allow", () => {
  const pages = new StoredPages(3000);
  for (const after of [0, 10, 20]) pages.keep("", BigInt(after), read(1, after, 10));
  expect(pages.find("", 0n)).toBeDefined();
  pages.keep("", 30n, read(1, 30, 10));
  expect(pages.find("", 10n)).toBeUndefined();
  for (const after of [0n, 20n, 30n]) expect(pages.find("", after)).toBeDefined();
  pages.keep("", 100n, read(1, 100, 200));
  expect(pages.find("", 100n)?.changes).toHaveLength(200);
  expect(pages.find("", 30n)).toBeUndefined();
});

test("what nobody uses any more is let go of", () => {
  let now = 0;
  const pages = new StoredPages(3000, () => now);
  for (const after of [0, 10]) pages.keep("", BigInt(after), read(1, after, 10));
  now = 9_000;
  expect(pages.find("", 0n)).toBeDefined();
  now = 12_000;
  pages.expire();
  expect(pages.find("", 0n)).toBeDefined();
  expect(pages.find("", 10n)).toBeUndefined();
});
