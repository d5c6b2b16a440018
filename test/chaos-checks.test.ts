import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkAtomic } from "../chaos/checks/atomic.js";
import { checkDurable } from "../chaos/checks/durable.js";
import type { Evidence } from "../chaos/checks/evidence.js";
import { checkExactlyOnce } from "../chaos/checks/exactly-once.js";
import { GUARANTEES } from "../chaos/checks/guarantee.js";
import { historiesOf, type LostLog } from "../chaos/checks/histories.js";
import { checkIsolated } from "../chaos/checks/isolated.js";
import { checkOrdered } from "../chaos/checks/ordered.js";
import { resumeTimes } from "../chaos/checks/resume-times.js";
import { checkSoundServers } from "../chaos/checks/sound-servers.js";
import { idAt, type StoredLog } from "../chaos/checks/stored-log.js";
import { checkSubscriptions } from "../chaos/checks/subscriptions.js";
import { chooseFaults, FAULTS } from "../chaos/faults/faults.js";
import type { HeadLine, LeaseLine, LedgerLine, OpenLine, PageLine } from "../chaos/ledger/ledger-line.js";
import { PageDigest } from "../chaos/ledger/page-digest.js";
import { parseToken, tokenId } from "../chaos/ledger/token.js";
import { ACKNOWLEDGED, FAILED, UNKNOWN, Written } from "../chaos/ledger/written.js";
import { planFaults } from "../chaos/plan.js";
import { createRandom } from "../chaos/random.js";
import { BUGS } from "../chaos/server/bugs/bugs.js";

const TENANT = "11111111-1111-4111-8111-111111111111";
const OTHER = "22222222-2222-4222-8222-222222222222";

type Place = readonly [lane: number, n: number] | null;

/**
 * A log with, at positions 1, 2, …, the writes of these numbers of a lane; null for what nobody wrote. Its commits are those
 * with these ends and hashes; one unless given.
 */
function stored(writes: readonly Place[], commits?: readonly (readonly [number, string])[]): StoredLog {
  const end = writes.length;
  const log = {
    tenant: TENANT,
    end,
    ids: Buffer.alloc(16 * (end + 1)),
    kinds: new Uint8Array(end + 1).fill(1, 1),
    lanes: new Int32Array(end + 1).fill(-1),
    numbers: new Float64Array(end + 1),
    damaged: [] as number[],
    doubled: [] as number[],
    commits: new Map(commits ?? [[end, "aa"]]),
  };
  for (const [i, write] of writes.entries()) {
    if (!write) continue;
    const [lane, n] = write;
    log.ids.write(tokenId({ lane, n }).replaceAll("-", ""), 16 * (i + 1), "hex");
    log.lanes[i + 1] = lane;
    log.numbers[i + 1] = n;
  }
  return log;
}

const lane = (number: number, more: Partial<LedgerLine> = {}): LedgerLine =>
  ({
    k: "lane",
    lane: number,
    tenant: TENANT,
    role: "test",
    way: 0,
    ordered: true,
    atomic: false,
    hasContent: true,
    ...more,
  }) as LedgerLine;
const invoke = (number: number, from: number, to: number, t = 1): LedgerLine => ({
  k: "invoke",
  lane: number,
  from,
  to,
  t,
});
const ack = (number: number, from: number, to: number, p: number, t = 2): LedgerLine => ({
  k: "ack",
  lane: number,
  from,
  to,
  p,
  t,
});

interface More {
  readonly heads?: readonly HeadLine[];
  readonly leases?: readonly LeaseLine[];
  readonly files?: readonly string[];
  readonly lost?: readonly LostLog[];
}

function evidence(log: StoredLog, lines: readonly LedgerLine[], more: More = {}): Evidence {
  const written = new Written();
  for (const line of lines) written.take(line);
  return {
    written,
    logs: new Map([[log.tenant, log]]),
    histories: new Map([[log.tenant, historiesOf(log, more.lost ?? [])]]),
    heads: more.heads ?? [],
    leases: more.leases ?? [],
    seen: [],
    reads: new Map(),
    fired: new Map(),
    files: more.files ?? [],
    client: undefined as unknown as pg.Client,
    databaseUrl: "",
    close: async () => {},
  };
}

const names = (violations: readonly { readonly guarantee: string }[]) =>
  violations.map(({ guarantee }) => guarantee);

describe("a ledger", () => {
  test("knows what an answer settles, and what nobody was told", () => {
    const written = new Written();
    const unknown: LedgerLine = { k: "unknown", lane: 1, from: 0, to: 1, reason: "", t: 2 };
    const failed: LedgerLine = { k: "fail", lane: 1, from: 2, to: 2, reason: "", t: 2 };
    for (const line of [lane(1), invoke(1, 0, 3), unknown, failed, ack(1, 0, 0, 7)]) written.take(line);
    expect([ACKNOWLEDGED, FAILED, UNKNOWN].map((outcome) => written.tally(outcome))).toEqual([1, 1, 2]);
  });

  test("does not take a refused repetition for the end of the first attempt", () => {
    const written = new Written();
    const outcome = (k: "fail" | "unknown"): LedgerLine => ({ k, lane: 1, from: 0, to: 0, reason: "", t: 2 });
    for (const line of [lane(1), invoke(1, 0, 0), outcome("unknown"), outcome("fail")]) written.take(line);
    expect(written.tally(UNKNOWN)).toBe(1);
  });

  test("names each write by an id it can be told from", () => {
    expect(parseToken(tokenId({ lane: 4001, n: 123_456_789 }))).toEqual({ lane: 4001, n: 123_456_789 });
    expect(parseToken(TENANT)).toBeUndefined();
  });
});

describe("of a sound log", () => {
  test("nothing is said", async () => {
    const log = stored([null, [1, 0], [1, 1], [2, 0]]);
    const sound = evidence(log, [
      lane(1),
      invoke(1, 0, 1),
      ack(1, 0, 1, 2),
      lane(2),
      invoke(2, 0, 1),
      ack(2, 0, 0, 4),
    ]);
    const violations = [checkDurable, checkExactlyOnce, checkOrdered, checkAtomic, checkIsolated].flatMap(
      (check) => check(sound),
    );
    expect(violations).toEqual([]);
  });
});

describe("Durable", () => {
  test("misses what was acknowledged and is not there, or is elsewhere", () => {
    const lines = [lane(1), invoke(1, 0, 1), ack(1, 0, 1, 1)];
    expect(checkDurable(evidence(stored([[1, 0]]), lines))).toHaveLength(1);
    expect(
      checkDurable(
        evidence(
          stored([
            [1, 1],
            [1, 0],
          ]),
          lines,
        ),
      ),
    ).toHaveLength(2);
  });
});

describe("of what was journaled", () => {
  const journal = (number: number, continues?: number) =>
    lane(number, { isJournaled: true, ...(continues && { continues }) } as Partial<LedgerLine>);
  const journaled = (number: number, n: number): LedgerLine => {
    return { k: "journaled", lane: number, from: n, to: n, reason: "", t: 2 };
  };

  test("Durable misses what is not there", () => {
    const lines = [journal(1), invoke(1, 0, 1), journaled(1, 0), journaled(1, 1)];
    expect(names(checkDurable(evidence(stored([[1, 0]]), lines)))).toEqual(["Durable"]);
  });

  test("Ordered sees what comes after a successor's", () => {
    const lines = [journal(1), invoke(1, 0, 1), journaled(1, 0), journal(2, 1), invoke(2, 0, 0)];
    expect(
      checkOrdered(
        evidence(
          stored([
            [1, 0],
            [2, 0],
          ]),
          lines,
        ),
      ),
    ).toEqual([]);
    expect(
      names(
        checkOrdered(
          evidence(
            stored([
              [2, 0],
              [1, 0],
            ]),
            lines,
          ),
        ),
      ),
    ).toEqual(["Ordered"]);
    // Nobody was told what would become of the other.
    expect(
      checkOrdered(
        evidence(
          stored([
            [1, 0],
            [2, 0],
            [1, 1],
          ]),
          lines,
        ),
      ),
    ).toEqual([]);
  });
});

describe("the time to resume", () => {
  const kill = { name: "kill-server", began: 90, ended: 400, note: "", resumes: "server" } as const;
  const resumed = async (...lines: LedgerLine[]) => {
    const harm = { at: 100, ways: [0] };
    return (await resumeTimes(evidence(stored([]), lines), [{ ...kill, harm }])).server;
  };
  const refused = (n: number, t: number): LedgerLine => {
    return { k: "fail", lane: 1, from: n, to: n, reason: "", t };
  };

  test("runs from the harm to the first answer of whoever serves after it", async () => {
    // What was under way, however old, is answered by whoever was killed, or later by another.
    const under = [invoke(1, 0, 0, 50), invoke(1, 1, 1, 90), ack(1, 0, 0, 1, 130), invoke(1, 2, 2, 130)];
    expect(await resumed(lane(1), ...under, ack(1, 1, 1, 2, 400))).toEqual([300]);
    expect(await resumed(lane(1), ...under, refused(1, 350), ack(1, 2, 2, 2, 600))).toEqual([250]);
  });

  test("leaves out a pause in which the writer waited for nothing", async () => {
    const lines = [invoke(1, 0, 0, 50), ack(1, 0, 0, 1, 80), invoke(1, 1, 2, 280), ack(1, 1, 2, 2, 400)];
    expect(await resumed(lane(1), ...lines)).toEqual([120]);
  });

  test("is endless for whoever was never answered again", async () => {
    const lines = [invoke(1, 0, 0, 50), ack(1, 0, 0, 1, 80), invoke(1, 1, 1, 180)];
    expect(await resumed(lane(1), ...lines)).toEqual([Number.POSITIVE_INFINITY]);
  });

  test("is that of whoever was there, and connected to what was harmed", async () => {
    const written = [invoke(1, 0, 0, 50), invoke(1, 1, 1, 180), ack(1, 1, 1, 2, 400)];
    expect(await resumed(lane(1, { way: 1 } as Partial<LedgerLine>), ...written)).toEqual([]);
    expect(await resumed(lane(1), invoke(1, 0, 0, 180), ack(1, 0, 0, 2, 400))).toEqual([]);
  });

  test("goes on with the lane that continues another", async () => {
    const next = lane(2, { continues: 1 } as Partial<LedgerLine>);
    const lines = [lane(1), invoke(1, 0, 0, 50), ack(1, 0, 0, 1, 150), next, invoke(2, 0, 0, 200)];
    expect(await resumed(...lines, ack(2, 0, 0, 2, 400))).toEqual([300]);
  });
});

describe("ExactlyOnce", () => {
  test("sees what is stored twice, what was refused and is stored, and what nobody sent", () => {
    const lines = [lane(1), invoke(1, 0, 1), ack(1, 0, 0, 1)];
    expect(
      names(
        checkExactlyOnce(
          evidence(
            stored([
              [1, 0],
              [1, 0],
            ]),
            lines,
          ),
        ),
      ),
    ).toEqual(["ExactlyOnce"]);
    const failed: LedgerLine = { k: "fail", lane: 1, from: 1, to: 1, reason: "", t: 2 };
    expect(
      checkExactlyOnce(
        evidence(
          stored([
            [1, 0],
            [1, 1],
          ]),
          [...lines, failed],
        ),
      ),
    ).toHaveLength(1);
    expect(checkExactlyOnce(evidence(stored([[1, 5]]), lines))).toHaveLength(1);
  });

  test("sees a goal in two hands", () => {
    const lease = (agent: string, since: number, until: number): LeaseLine => ({
      k: "lease",
      goal: "g",
      agent,
      since,
      until,
    });
    const check = (...leases: LeaseLine[]) => checkExactlyOnce(evidence(stored([]), [], { leases }));
    expect(check(lease("a", 0, 10), lease("b", 11, 20), lease("b", 15, 25))).toEqual([]);
    expect(check(lease("a", 0, 10), lease("b", 9, 20))).toHaveLength(1);
    // Asked for long before the other took it, answered after its own end.
    expect(check(lease("a", 5, 10), lease("b", 7, 3))).toEqual([]);
  });
});

describe("Ordered", () => {
  test("sees a stream out of its order", () => {
    const lines = [lane(1), invoke(1, 0, 1)];
    expect(
      names(
        checkOrdered(
          evidence(
            stored([
              [1, 1],
              [1, 0],
            ]),
            lines,
          ),
        ),
      ),
    ).toEqual(["Ordered"]);
    expect(
      checkOrdered(
        evidence(
          stored([
            [1, 1],
            [1, 0],
          ]),
          [lane(1, { ordered: false }), invoke(1, 0, 1)],
        ),
      ),
    ).toEqual([]);
  });

  test("sees what was begun after an acknowledgement and stands before it", () => {
    const lines = [lane(1), invoke(1, 0, 0, 1), ack(1, 0, 0, 2, 5), lane(2), invoke(2, 0, 0, 6)];
    expect(
      checkOrdered(
        evidence(
          stored([
            [2, 0],
            [1, 0],
          ]),
          lines,
        ),
      ),
    ).toHaveLength(1);
    expect(checkOrdered(evidence(stored([null, [1, 0], [2, 0]]), lines))).toEqual([]);
  });
});

describe("Atomic", () => {
  test("sees half of a call, a damaged entry and an end within a flush", () => {
    const lines = [lane(1, { atomic: true, ordered: false }), invoke(1, 0, 1)];
    expect(
      checkAtomic(
        evidence(
          stored([
            [1, 0],
            [1, 1],
          ]),
          lines,
        ),
      ),
    ).toEqual([]);
    expect(checkAtomic(evidence(stored([null]), lines))).toEqual([]);
    expect(checkAtomic(evidence(stored([[1, 0]]), lines))).toHaveLength(1);
    expect(checkAtomic(evidence(stored([[1, 0], null, [1, 1]]), lines))).toHaveLength(1);
    expect(
      checkAtomic(
        evidence(
          {
            ...stored([
              [1, 0],
              [1, 1],
            ]),
            damaged: [2],
          },
          lines,
        ),
      ),
    ).toHaveLength(1);
    const head = (p: number, hash: string): HeadLine => ({
      k: "head",
      tenant: TENANT,
      p,
      hash,
      asked: 0,
      t: 0,
    });
    const check = (each: HeadLine) => checkAtomic(evidence(stored([null, null]), [], { heads: [each] }));
    expect(check(head(2, "aa"))).toEqual([]);
    expect(check(head(1, "aa"))).toHaveLength(1);
    expect(check(head(2, "bb"))).toHaveLength(1);
  });
});

describe("Isolated", () => {
  test("sees a write in another tenant's log", () => {
    const lines = [lane(1, { tenant: OTHER }), invoke(1, 0, 0)];
    expect(names(checkIsolated(evidence(stored([[1, 0]]), lines)))).toEqual(["Isolated"]);
  });
});

describe("of subscriptions", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "holdfast-chaos-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const log = stored(
    Array.from({ length: 9 }, (_, n) => [1, n] as const),
    [
      [4, "aa"],
      [9, "bb"],
    ],
  );

  /** The page of these positions, up to `end`. */
  function page(positions: readonly number[], end = positions.at(-1) ?? 0, of = log): PageLine {
    const digest = new PageDigest();
    for (const position of positions) digest.add(position, idAt(of, position));
    const last = positions.at(-1) ?? 0;
    return { k: "page", sub: "s", n: positions.length, last, end, live: true, d: digest.end(), t: 0 };
  }

  const open = (after: number, more: Partial<OpenLine> = {}): LedgerLine => ({
    ...{ k: "open", sub: "s", tenant: TENANT, way: 0, after, kinds: [], t: 0 },
    ...more,
  });

  async function checkLines(lines: readonly LedgerLine[], lost: readonly LostLog[] = []): Promise<string[]> {
    const file = join(directory, "client-0.jsonl");
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    return names(await checkSubscriptions(evidence(log, [], { files: [file], lost })));
  }

  const check = (after: number, ...pages: PageLine[]) => checkLines([open(after), ...pages]);

  test("whole ones are let pass", async () => {
    expect(await check(0, page([1, 2, 3]), page([], 3), page([4, 5]))).toEqual([]);
    expect(await check(4, page([5, 6]), page([7, 8, 9]))).toEqual([]);
  });

  test("a gap, a repetition or another's event is Gapless'", async () => {
    expect(await check(0, page([1, 2]), page([4, 5]))).toEqual(["Gapless"]);
    expect(await check(0, page([1, 2]), page([2, 3]))).toEqual(["Gapless"]);
    expect(await check(0, { ...page([1, 2]), d: page([1, 3]).d })).toEqual(["Gapless"]);
  });

  test("what is missing right behind a cursor is Resumable's", async () => {
    expect(await check(4, page([6, 7]))).toEqual(["Resumable"]);
  });

  test("a checkpoint past what was not delivered is Bookmarked's", async () => {
    expect(await check(0, page([1, 2], 4), page([5]))).toEqual(["Bookmarked"]);
  });

  describe("of a log that lost what followed position 4", () => {
    const before = [0, 1, 2, 3].map((n): Place => [1, n]);
    const gone = stored(
      [...before, [2, 0], [2, 1], [2, 2]],
      [
        [4, "aa"],
        [7, "cc"],
      ],
    );
    const lost: LostLog[] = [{ log: gone, since: 100, until: 200 }];
    const checkLost = (...lines: LedgerLine[]) => checkLines(lines, lost);
    const diverged: LedgerLine = { k: "diverged", sub: "s", t: 150 };

    test("whoever read either is let pass, and goes back after being told", async () => {
      expect(await checkLost(open(0), page([1, 2, 3, 4]), page([5, 6]))).toEqual([]);
      const back = open(4, { sub: "s2", of: "s" });
      const after = { ...page([5, 6]), sub: "s2" };
      expect(
        await checkLost(open(0), page([1, 2, 3, 4]), page([5, 6], 6, gone), diverged, back, after),
      ).toEqual([]);
    });

    test("being moved on without being told is Gapless', in one subscription or by a cursor", async () => {
      expect(await checkLost(open(0), page([1, 2, 3, 4, 5], 5, gone), page([6, 7]))).toEqual(["Gapless"]);
      const on = open(5, { sub: "s2", of: "s" });
      const after = { ...page([6, 7]), sub: "s2" };
      expect(await checkLost(open(0), page([1, 2, 3, 4, 5], 5, gone), on, after)).toEqual(["Resumable"]);
    });

    test("what is in neither, or is given long after it was lost, is Gapless'", async () => {
      const mixed = { ...page([1, 2, 3, 4, 5]), d: page([1, 2, 3, 4, 6]).d };
      expect(await checkLost(open(0), mixed)).toEqual(["Gapless"]);
      expect(await checkLost(open(0), { ...page([1, 2, 3, 4, 5], 5, gone), t: 1e6 })).toEqual(["Gapless"]);
    });

    test("an acknowledgement of what was lost breaks nothing, unless it came before or was never stored", () => {
      const write = (t: number) => [lane(2), invoke(2, 0, 0), ack(2, 0, 0, 5, t)];
      const check = (lines: LedgerLine[]) => checkDurable(evidence(log, lines, { lost }));
      expect(check(write(150))).toEqual([]);
      expect(names(check(write(50)))).toEqual(["Durable"]);
      expect(names(check([lane(3), invoke(3, 0, 0), ack(3, 0, 0, 5, 150)]))).toEqual(["Durable"]);
    });
  });

  test("that end as if the log had diverged, where nothing was lost, are Resumable's", async () => {
    expect(await checkLines([open(0), page([1]), { k: "diverged", sub: "s", t: 1 }])).toEqual(["Resumable"]);
  });
});

describe("the plan", () => {
  const first = (seed: number, count: number) => {
    const plan = planFaults(FAULTS, createRandom(seed));
    return Array.from({ length: count }, () => {
      const { fault, pauseMs, random } = plan.next().value;
      return `${fault.name} ${pauseMs} ${random.between(0, 1000)}`;
    });
  };

  test("is the same for the same seed, and another for another", () => {
    expect(first(5, 100)).toEqual(first(5, 100));
    expect(first(5, 100)).not.toEqual(first(6, 100));
  });

  test("has every kind once before any comes again", () => {
    const kinds = first(3, FAULTS.length).map((each) => each.split(" ")[0]);
    expect(new Set(kinds).size).toBe(FAULTS.length);
  });

  test("of a bug names faults and a guarantee that exist", () => {
    for (const bug of BUGS) {
      expect(chooseFaults(bug.faults)).toHaveLength(bug.faults.length);
      expect(GUARANTEES).toContain(bug.breaks);
    }
  });
});

describe("the logs of servers", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "holdfast-chaos-logs-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  test("tell of failures that nothing handled and of event loops held by work of their own", async () => {
    const held = { level: 40, msg: "the event loop was held" };
    const log = [
      { level: 50, msg: "unhandled rejection", err: { stack: "Error: a" } },
      { ...held, delayMs: 1500, cpuMs: 1400 },
      // Stopped, or on a machine that did something else.
      { ...held, delayMs: 10_000, cpuMs: 3 },
      { level: 50, msg: "something else failed" },
    ].map((line) => JSON.stringify(line));
    writeFileSync(join(directory, "server-0.log"), [...log, "no JSON", ""].join("\n"));
    writeFileSync(join(directory, "client-0.log"), log[0] as string);
    expect(await checkSoundServers(directory)).toEqual([
      { guarantee: "Live", text: expect.stringContaining("an unhandled rejection") },
      { guarantee: "Live", text: "a server held its event loop for 1500 ms, with 1400 ms of CPU time" },
    ]);
  });
});
