import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventService, type Event as LogEvent } from "../gen/holdfast/v1/event_pb.js";
import type { AppendResult, CursorSchema } from "../gen/holdfast/v1/log_pb.js";
import { openWriter } from "./support/append-writer.js";
import { action, decision, finishAction, metric, observation, startAction } from "./support/entries.js";
import { propertyRuns } from "./support/property-runs.js";
import { type EntryInit, newTenant, present, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

// Little memory on the second server, so that subscribers there change between memory and database all the time.
const servers = useServers(
  { pollIntervalMs: 50 },
  { pollIntervalMs: 50, maxRecentChanges: 5, maxPageChanges: 3 },
);

const KINDS = [
  "observe",
  "act",
  "start",
  "finish",
  "decide",
  "measure",
  "observe in session",
  "nonsense",
] as const;

const batches = fc.array(fc.array(fc.constantFrom(...KINDS), { minLength: 1, maxLength: 5 }), {
  minLength: 1,
  maxLength: 8,
});
const writers = fc.array(
  fc.record({
    server: fc.nat(1),
    way: fc.constantFrom("unary", "unary, twice at once", "stream", "stream, cut off"),
    batches,
    /** Answers that a stream which is cut off reads before. */
    answers: fc.nat(6),
  }),
  { minLength: 2, maxLength: 4 },
);
const readers = fc.array(fc.record({ server: fc.nat(1), cuts: fc.array(fc.nat(4), { maxLength: 5 }) }), {
  minLength: 1,
  maxLength: 3,
});

/** What a writer has to say, each entry with the key its acknowledgement goes by. */
interface Script {
  readonly batches: readonly (readonly EntryInit[])[];
  /** Entries that must be rejected, as `batch entry`. */
  readonly nonsense: ReadonlySet<string>;
}

function script(plan: readonly (readonly (typeof KINDS)[number][])[], sessionId: string): Script {
  const nonsense = new Set<string>();
  const actions: { id: string; status: "pending" | "running" }[] = [];
  const entryOf = (kind: (typeof KINDS)[number], key: string): EntryInit => {
    switch (kind) {
      case "observe":
        return observation({ externalId: key });
      case "observe in session":
        return observation({ sessionId, content: key });
      case "decide":
        return decision({ sessionId });
      case "measure":
        return metric({ value: Math.PI });
      case "act": {
        const id = randomUUID();
        actions.push({ id, status: "pending" });
        return action({ id, sessionId });
      }
      case "start": {
        const pending = actions.find((each) => each.status === "pending");
        if (!pending) return observation();
        pending.status = "running";
        return startAction(pending.id);
      }
      case "finish": {
        const next = actions.shift();
        return next ? finishAction(next.id) : metric();
      }
      case "nonsense":
        nonsense.add(key);
        return observation({ sessionId: "nonsense" });
    }
  };
  const prefix = randomUUID();
  const made = plan.map((batch, b) =>
    batch.map((kind, e) => {
      const before = nonsense.size;
      const entry = entryOf(kind, `${prefix} ${b} ${e}`);
      if (nonsense.size > before) {
        nonsense.delete(`${prefix} ${b} ${e}`);
        nonsense.add(`${b} ${e}`);
      }
      return entry;
    }),
  );
  return { batches: made, nonsense };
}

type Acknowledge = (batch: number, result: AppendResult) => void;

/** One at a time; or each twice at once, through both servers. */
async function writeUnary(tenants: readonly Tenant[], { batches }: Script, acknowledge: Acknowledge) {
  for (const [b, entries] of batches.entries()) {
    for (const result of await Promise.all(tenants.map((tenant) => tenant.append(...entries)))) {
      acknowledge(b, result);
    }
  }
}

/** All at once, reading so many answers, then leaving. */
async function writeStream(tenant: Tenant, { batches }: Script, acknowledge: Acknowledge, answers: number) {
  const writer = await openWriter(tenant);
  for (const [b, entries] of batches.entries()) writer.send(BigInt(b), entries);
  for (let read = 0; read < Math.min(answers, batches.length); read++) {
    const { sequence, outcome } = await writer.answer();
    expect([sequence, outcome.case]).toEqual([BigInt(read), "result"]);
    if (outcome.case === "result") acknowledge(read, outcome.value);
  }
  writer.stream.cancel();
}

/** Follows from the start to the sentinel, leaving and resuming on the way. */
async function follow(
  tenants: readonly Tenant[],
  cuts: readonly number[],
  sentinel: string,
): Promise<LogEvent[]> {
  const events: LogEvent[] = [];
  let after: MessageInitShape<typeof CursorSchema> = { position: 0n };
  for (let life = 0; ; life++) {
    const answers = present(tenants[life % tenants.length]).subscribe({ after });
    const messages = cuts[life] ?? Number.POSITIVE_INFINITY;
    for (let read = 0; read < messages; read++) {
      const answer = present(await answers.next());
      events.push(...answer.events);
      after = present(answer.cursor);
      if (events.at(-1)?.entity.value?.id === sentinel) {
        answers.cancel();
        return events;
      }
    }
    answers.cancel();
  }
}

describe("writers, retries and subscribers in any interleaving", () => {
  test("leave a dense log, each entry once, in order, alike for everyone", async () => {
    await fc.assert(
      fc.asyncProperty(writers, readers, async (writerPlans, readerPlans) => {
        const here = newTenant(servers.app(0));
        const there = here.on(servers.app(1));
        const both = (first: number) => (first === 0 ? [here, there] : [there, here]);
        const { id: sessionId } = await here.open();
        const sentinel = randomUUID();
        const following = readerPlans.map(({ server, cuts }) => follow(both(server), cuts, sentinel));

        const scripts = writerPlans.map((plan) => script(plan.batches, sessionId));
        const stored = scripts.map(() => new Map<string, bigint>());
        const acknowledgeAs =
          (w: number): Acknowledge =>
          (b, { positions, rejections }) => {
            const rejected = new Set(rejections.map(({ index }) => index));
            for (const [e, position] of positions.entries()) {
              const key = `${b} ${e}`;
              expect(rejected.has(e), `${key} rejected`).toBe(present(scripts[w]).nonsense.has(key));
              if (rejected.has(e)) continue;
              expect(stored[w]?.get(key) ?? position, `${key} acknowledged again`).toBe(position);
              stored[w]?.set(key, position);
            }
          };
        const writing = Promise.all(
          writerPlans.map(async ({ server, way, answers }, w) => {
            const [first, second] = both(server) as [Tenant, Tenant];
            const plan = present(scripts[w]);
            if (way === "unary") await writeUnary([first], plan, acknowledgeAs(w));
            if (way === "unary, twice at once") await writeUnary([first, second], plan, acknowledgeAs(w));
            if (way === "stream, cut off") await writeStream(first, plan, acknowledgeAs(w), answers);
            // Sent blindly once more by whoever was cut off, somewhere else.
            if (way.startsWith("stream")) {
              await writeStream(second, plan, acknowledgeAs(w), Number.POSITIVE_INFINITY);
            }
          }),
        ).then(() => here.append(observation({ id: sentinel })));
        // Together: when a writer fails, the followers end with the test, and nobody else would hear of it.
        const [follows] = await Promise.all([Promise.all(following), writing]);

        const listed = await there.listAll();
        for (const followed of follows) expect(followed).toEqual(listed);
        expect(listed.map((event) => event.position)).toEqual(listed.map((_, i) => BigInt(i + 1)));
        const expected = stored.reduce((sum, each) => sum + each.size, 2);
        expect(listed).toHaveLength(expected);
        for (const [w, { batches }] of scripts.entries()) {
          const inOrder = batches.flatMap((batch, b) =>
            batch.map((entry, e) => [entry, `${b} ${e}`] as const),
          );
          let before = 0n;
          for (const [{ entry }, key] of inOrder) {
            const position = stored[w]?.get(key);
            if (position === undefined) continue;
            expect(position, "later than the entry before it").toBeGreaterThan(before);
            before = position;
            const value = entry?.value as { id?: string; actionId?: string };
            expect(listed[Number(position) - 1]?.entity.value?.id).toBe(value.id ?? value.actionId);
          }
        }
        expect(await expectSoundLog(servers.databaseUrl, here.id)).toBe(BigInt(expected));
      }),
      { numRuns: propertyRuns(20), seed: Number(process.env.HOLDFAST_TEST_SEED ?? 4650), endOnFailure: true },
    );
  });
});

test("a log without events can be followed by whoever knows its position", async () => {
  const tenant = newTenant(servers.app());
  const { lastPosition, cursor } = await tenant.rpc.unary(EventService.method.listEvents, {});
  expect([lastPosition, cursor?.position, cursor?.logId]).toEqual([0n, 0n, ""]);
  const answers = tenant.subscribe({ after: present(cursor) });
  await tenant.append(observation());
  const answer = present(await answers.next());
  expect(present(answer.cursor).position <= 1n).toBe(true);
  answers.cancel();
});
