import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type MiningLimits, mineSequences } from "./mine-sequences-task.js";
import { SessionSteps } from "./session-steps.js";
import { pageParts } from "./step-page.js";

interface Given {
  readonly actions: readonly string[];
  readonly success: number;
}

const limits: MiningLimits = { minSupport: 2, minLength: 2, maxLength: 5, maxCandidates: 1000, limit: 1000 };

/** Mines sessions in pages of this size, which may end in the midst of one. */
function mine(sessions: readonly Given[], size: number, each = limits) {
  const all = sessions.flatMap(({ actions, success }, i) =>
    actions.map((action) => ({ session: `session ${i}`, success, action })),
  );
  const steps = new SessionSteps();
  for (let from = 0; from < all.length; from += size) steps.add(all.slice(from, from + size));
  return {
    sequences: mineSequences(each, undefined, [...pageParts(steps.pages)]),
    sessionCount: steps.sessionCount,
  };
}

/** The same by looking at every part of every session. */
function bruteForce(sessions: readonly Given[], { minSupport, minLength, maxLength }: MiningLimits) {
  const found = new Map<string, { inSessions: Set<number>; occurrences: number }>();
  for (const [i, { actions }] of sessions.entries()) {
    for (let from = 0; from < actions.length; from += 1) {
      for (let length = minLength; length <= maxLength && from + length <= actions.length; length += 1) {
        const key = JSON.stringify(actions.slice(from, from + length));
        const each = found.get(key) ?? { inSessions: new Set(), occurrences: 0 };
        each.inSessions.add(i);
        each.occurrences += 1;
        found.set(key, each);
      }
    }
  }
  return [...found]
    .filter(([, { inSessions }]) => inSessions.size >= minSupport)
    .map(([key, { inSessions, occurrences }]) => ({
      actions: JSON.parse(key),
      support: inSessions.size,
      occurrences,
      successRate: [...inSessions].reduce((sum, i) => sum + (sessions[i]?.success ?? 0), 0) / inSessions.size,
    }));
}

const byText = (a: object, b: object) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

describe("mining", () => {
  test("finds what occurs in enough sessions, with its success", () => {
    const sessions = [
      { actions: ["search", "read", "answer"], success: 1 },
      { actions: ["read", "search", "read"], success: 0 },
      { actions: ["answer"], success: 1 },
      { actions: [], success: 1 },
    ];
    expect(mine(sessions, 2)).toEqual({
      sequences: [{ actions: ["search", "read"], support: 2, occurrences: 2, successRate: 0.5 }],
      sessionCount: 3,
    });
  });

  test("counts a sequence once a session, overlapping occurrences each", () => {
    const sessions = [
      { actions: ["a", "a", "a"], success: 1 },
      { actions: ["a", "a"], success: 1 },
    ];
    const { sequences } = mine(sessions, 10);
    expect(sequences).toEqual([{ actions: ["a", "a"], support: 2, occurrences: 3, successRate: 1 }]);
  });

  test("agrees with brute force on any sessions, however they are paged", () => {
    const action = fc.constantFrom("a", "b", "c", "a b", "0");
    const session = fc.record({
      actions: fc.array(action, { maxLength: 12 }),
      success: fc.constantFrom(0, 0.25, 0.5, 1),
    });
    fc.assert(
      fc.property(
        fc.array(session, { maxLength: 8 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 3, max: 7 }),
        fc.integer({ min: 1, max: 20 }),
        (sessions, minSupport, minLength, maxLength, size) => {
          const each = { ...limits, minSupport, minLength, maxLength };
          const { sequences = [] } = mine(sessions, size, each);
          expect([...sequences].sort(byText)).toEqual(bruteForce(sessions, each).sort(byText));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("gives the most important ones first, as many as asked for", () => {
    const often = { actions: ["a", "b", "c"], success: 0.5 };
    const sessions = [often, often, { actions: ["b", "c"], success: 1 }, { actions: ["a", "b"], success: 0 }];
    for (const limit of [1, 2, 3]) {
      const { sequences } = mine(sessions, 100, { ...limits, limit });
      const expected = ["b c", "a b", "a b c"].slice(0, limit);
      expect(sequences?.map(({ actions }) => actions.join(" "))).toEqual(expected);
    }
  });

  test("refuses more different sequences than it may count", () => {
    const sessions = [{ actions: Array.from({ length: 20 }, (_, i) => `a${i}`), success: 1 }];
    expect(mine(sessions, 100, { ...limits, maxCandidates: 10 }).sequences).toBeUndefined();
    expect(mine(sessions, 100, { ...limits, maxCandidates: 20 }).sequences).toEqual([]);
  });
});
