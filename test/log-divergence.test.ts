import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AdminService } from "../gen/holdfast/v1/admin_pb.js";
import { ConfigurationService } from "../gen/holdfast/v1/configuration_pb.js";
import { EventService, type SubscribeResponse } from "../gen/holdfast/v1/event_pb.js";
import type { CursorSchema } from "../gen/holdfast/v1/log_pb.js";
import { ObservationService } from "../gen/holdfast/v1/observation_pb.js";
import { observation, payload } from "./support/entries.js";
import { propertyRuns } from "./support/property-runs.js";
import { query } from "./support/query.js";
import { errorOf, type Refusal, refusal, refusalOf } from "./support/refusal.js";
import { rewindLog } from "./support/rewind-log.js";
import type { AnswerStream } from "./support/rpc-client.js";
import { newTenant, present, readUpTo, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

/** No poll within any test: what is noticed is noticed in another way. */
const NEVER_MS = 3_600_000;
const POLLS = 0;
const DEAF = 1;
const WRITER = 2;
const servers = useServers(
  { pollIntervalMs: 50, checkpointIntervalMs: 100 },
  { pollIntervalMs: NEVER_MS, maxRecentChanges: 20, maxPageChanges: 100 },
  { pollIntervalMs: NEVER_MS },
);

/** Commits of so many events each. Answers with the id of each event, in order. */
async function write(tenant: Tenant, ...sizes: readonly number[]): Promise<string[]> {
  const ids: string[] = [];
  for (const size of sizes) {
    const own = Array.from({ length: size }, () => randomUUID());
    await tenant.append(...own.map((id) => observation({ id })));
    ids.push(...own);
  }
  return ids;
}

const rewind = (tenant: Tenant, position: bigint) => rewindLog(servers.databaseUrl, tenant.id, position);

/** Reads until the server says that what follows is live. */
async function caughtUp(answers: AnswerStream<SubscribeResponse>): Promise<SubscribeResponse[]> {
  const read: SubscribeResponse[] = [];
  do read.push(present(await answers.next()));
  while (!read.at(-1)?.caughtUp);
  return read;
}

const idsOf = (answers: readonly SubscribeResponse[]) =>
  answers.flatMap(({ events }) => events.map(({ entity }) => entity.value?.id));

/** What a subscription still gives, and how it ends. */
async function rest(
  answers: AnswerStream<SubscribeResponse>,
): Promise<{ readonly read: SubscribeResponse[]; readonly end: Refusal }> {
  const read: SubscribeResponse[] = [];
  for (;;) {
    try {
      read.push(present(await answers.next()));
    } catch (error) {
      return { read, end: refusalOf(error as never) };
    }
  }
}

const cursorOf = ({ cursor }: SubscribeResponse) => present(cursor);

describe("a live subscription over a log that lost what it was told", () => {
  test.each([
    ["is shorter", [2]],
    ["has as many events again", [4]],
    ["has grown past it", [1, 6]],
    ["has nothing new", []],
  ])("ends with LOG_DIVERGED when the log %s", async (_, sizes) => {
    const tenant = newTenant(servers.app(POLLS));
    const answers = tenant.subscribe({ after: { position: 0n } });
    await write(tenant.on(servers.app(WRITER)), 1, 3, 2, 4);
    const read: SubscribeResponse[] = [];
    do read.push(...(await caughtUp(answers)));
    while (read.at(-1)?.cursor?.position !== 10n);
    await rewind(tenant, 6n);
    await write(tenant.on(servers.app(WRITER)), ...sizes);
    const { read: more, end } = await rest(answers);
    expect(idsOf(more)).toEqual([]);
    expect(end).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: "LOG_DIVERGED",
      metadata: { log_id: cursorOf(present(read.at(-1))).logId, position: "10", common_position: "6" },
    });
    expect(end.message).toMatch(/same up to position 6$/);
  });

  test("is noticed by the commit that takes the place of one told", async () => {
    const tenant = newTenant(servers.app(DEAF));
    await write(tenant, 3, 2);
    const answers = tenant.subscribe();
    await caughtUp(answers);
    await write(tenant, 2, 2);
    await rewind(tenant, 7n);
    await write(tenant, 1);
    const { read, end } = await rest(answers);
    expect(idsOf(read).length).toBeLessThanOrEqual(4);
    expect(end).toMatchObject({ reason: "LOG_DIVERGED", metadata: { common_position: "7" } });
  });

  test("is noticed by the commit right behind another of the same length", async () => {
    const tenant = newTenant(servers.app(DEAF));
    await write(tenant, 3, 2);
    const answers = tenant.subscribe();
    await caughtUp(answers);
    await rewind(tenant, 3n);
    // Nobody tells the other server of what stands at positions that it has.
    await write(tenant.on(servers.app(WRITER)), 2);
    await write(tenant, 1);
    const { read, end } = await rest(answers);
    expect(idsOf(read)).toEqual([]);
    // It began at 5 and knows nothing of what was before.
    expect(end.reason).toBe("LOG_DIVERGED");
    expect(Object.keys(end.metadata).sort()).toEqual(["last_position", "log_id", "position"]);
  });

  test("is noticed when what another server wrote is fetched", async () => {
    const tenant = newTenant(servers.app(DEAF));
    const listening = () =>
      query(
        servers.databaseUrl,
        "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()",
      );
    await expect.poll(async () => (await listening()).length, { timeout: 60_000 }).toBe(3);
    await write(tenant, 3, 2);
    const answers = tenant.subscribe();
    await caughtUp(answers);
    await rewind(tenant, 3n);
    await write(tenant.on(servers.app(WRITER)), 4);
    expect((await rest(answers)).end.reason).toBe("LOG_DIVERGED");
  });

  test("is noticed by whoever comes next, who gets no event that is gone", async () => {
    const tenant = newTenant(servers.app(DEAF));
    await write(tenant, 3);
    const before = tenant.subscribe();
    await caughtUp(before);
    const gone = await write(tenant, 2, 2);
    await rewind(tenant, 3n);
    await write(tenant.on(servers.app(WRITER)), 2);
    const events = await readUpTo(tenant.subscribe({ after: { position: 3n } }), 5n);
    expect(events.map(({ entity }) => entity.value?.id).filter((id) => gone.includes(id ?? ""))).toEqual([]);
    expect(events).toEqual(await tenant.listAll({ after: { position: 3n } }));
    expect((await rest(before)).end).toMatchObject({
      reason: "LOG_DIVERGED",
      metadata: { common_position: "3" },
    });
  });

  test("is noticed by a slow reader of pages from the database", async () => {
    const tenant = newTenant(servers.app(DEAF));
    const data = payload(Buffer.alloc(400_000), "application/octet-stream");
    const old: string[] = [];
    // More than lies between a server and a client that does not read.
    for (let i = 0; i < 60; i++) {
      old.push(randomUUID());
      await tenant.append(observation({ id: present(old.at(-1)), agentId: i % 2 === 0 ? "x" : "y", data }));
    }
    const slow = tenant.subscribe({ after: { position: 0n }, filter: { agentIds: ["x"] } });
    const first = present(await slow.next());
    await rewind(tenant, 4n);
    await write(tenant.on(servers.app(WRITER)), 2);
    const { read, end } = await rest(slow);
    const told = idsOf([first, ...read]);
    expect(told).toEqual(old.filter((_, i) => i % 2 === 0).slice(0, told.length));
    expect(told.length).toBeLessThan(30);
    expect(end.reason).toBe("LOG_DIVERGED");
  });

  test("concerns no other tenant, and is counted", async () => {
    const counted = async () =>
      (await servers.app(POLLS).metrics.getSingleMetric("holdfast_log_diverged_total")?.get())?.values[0]
        ?.value ?? 0;
    const before = await counted();
    const [one, other] = [newTenant(servers.app(POLLS)), newTenant(servers.app(POLLS))];
    const [diverged, sound] = [one.subscribe(), other.subscribe()];
    for (const each of [one, other]) await write(each, 2, 2);
    await rewind(one, 2n);
    expect((await rest(diverged)).end).toMatchObject({ reason: "LOG_DIVERGED" });
    await write(other, 1);
    expect((await readUpTo(sound, 5n)).map(({ position }) => position)).toEqual([1n, 2n, 3n, 4n, 5n]);
    expect(await counted()).toBe(before + 1);
  });
});

describe("a cursor of a log that lost what it was told", () => {
  async function lost(...sizes: readonly number[]) {
    const tenant = newTenant(servers.app(DEAF));
    await write(tenant, 3);
    const answers = tenant.subscribe({ after: { position: 0n } });
    const pages = await caughtUp(answers);
    await write(tenant, 500);
    while (cursorOf(present(pages.at(-1))).position < 503n) pages.push(present(await answers.next()));
    answers.cancel();
    await rewind(tenant, 3n);
    await write(tenant, ...sizes);
    const cursors = pages.map(cursorOf);
    return { tenant, cursors, end: present(cursors.at(-1)) };
  }

  test("names the commit that its position is in, though the page ends within it", async () => {
    const { cursors } = await lost();
    expect(cursors.find(({ position }) => position === 103n)).toMatchObject({ commitPosition: 503n });
    expect(
      cursors.filter(({ position }) => position > 3n).every((each) => each.commitPosition === 503n),
    ).toBe(true);
    expect(new Set(cursors.map(({ commitHash }) => Buffer.from(commitHash).toString("hex"))).size).toBe(2);
  });

  test.each([
    ["shorter than it", [1]],
    ["as long", [500]],
    ["longer", [500, 200]],
  ])("is refused by a log that is %s, wherever it is given", async (_, sizes) => {
    const { tenant, cursors, end } = await lost(...sizes);
    const within = present(cursors.find(({ position }) => position === 103n));
    for (const after of [end, within]) {
      const expected = {
        code: status.FAILED_PRECONDITION,
        reason: "LOG_DIVERGED",
        metadata: {
          log_id: end.logId,
          position: String(after.position),
          last_position: String(sizes.reduce((sum, size) => sum + size, 3)),
        },
      };
      const { unary, serverStream } = tenant.rpc;
      const { watchConfigurations } = ConfigurationService.method;
      expect(await refusal(tenant.subscribe({ after }).next())).toMatchObject(expected);
      expect(
        await refusal(serverStream.call(tenant.rpc, watchConfigurations, { after }).next()),
      ).toMatchObject(expected);
      expect(await refusal(unary.call(tenant.rpc, EventService.method.listEvents, { after }))).toMatchObject(
        expected,
      );
    }
    for (const at of [end.commitPosition, 4n]) {
      const minimum = { minPosition: at, minPositionHash: end.commitHash };
      const list = tenant.rpc.unary(ObservationService.method.listObservations, minimum);
      expect(await refusal(list)).toMatchObject({
        reason: "LOG_DIVERGED",
        metadata: { position: String(at) },
      });
    }
  });

  test("within a page token is compared as well: all pages are of one history", async () => {
    const tenant = newTenant(servers.app());
    await write(tenant, 3, 3);
    const agentId = "planner";
    await tenant.append(observation({ agentId }), observation({ agentId }));
    const lists = [
      (pageToken: string) => tenant.rpc.unary(EventService.method.listEvents, { pageSize: 1, pageToken }),
      (pageToken: string) => {
        const subject = { case: "agentId", value: agentId } as const;
        return tenant.rpc.unary(AdminService.method.getStateAt, { subject, pageSize: 1, pageToken });
      },
    ];
    const tokens = await Promise.all(lists.map(async (page) => (await page("")).nextPageToken));
    const second = await Promise.all(lists.map((page, i) => page(present(tokens[i]))));
    await rewind(tenant, 0n);
    await write(tenant, 4, 4);
    for (const [i, page] of lists.entries()) {
      for (const token of [present(tokens[i]), present(second[i]).nextPageToken]) {
        if (token !== "") expect(await refusal(page(token))).toMatchObject({ reason: "LOG_DIVERGED" });
      }
    }
  });

  test("and one from before it was lost goes on in the history that is", async () => {
    const { tenant, cursors } = await lost(3);
    const common = present(cursors.find(({ position }) => position === 3n));
    expect(await readUpTo(tenant.subscribe({ after: common }), 6n)).toEqual(
      await tenant.listAll({ after: { position: 3n } }),
    );
    const minimum = { minPosition: 3n, minPositionHash: common.commitHash };
    const { observations } = await tenant.rpc.unary(ObservationService.method.listObservations, minimum);
    expect(observations).toHaveLength(6);
  });

  test("without a hash is compared with nothing", async () => {
    const { tenant } = await lost(3);
    expect(await readUpTo(tenant.subscribe({ after: { position: 5n } }), 6n)).toHaveLength(1);
    expect(await refusal(tenant.subscribe({ after: { position: 7n } }).next())).toMatchObject({
      reason: "POSITION_IN_FUTURE",
    });
  });
});

describe("a cursor", () => {
  test("of a list goes on where the list ended", async () => {
    const tenant = newTenant(servers.app());
    await write(tenant, 5);
    const first = await tenant.rpc.unary(EventService.method.listEvents, { pageSize: 2 });
    expect(first.cursor).toMatchObject({ position: 2n, commitPosition: 5n });
    const events = await readUpTo(tenant.subscribe({ after: present(first.cursor) }), 5n);
    expect(events.map(({ position }) => position)).toEqual([3n, 4n, 5n]);
  });

  test("that is none is refused, naming every field", async () => {
    const tenant = newTenant(servers.app());
    await write(tenant, 2);
    const wrong = async (after: MessageInitShape<typeof CursorSchema>) =>
      (await refusal(tenant.subscribe({ after }).next())).fields;
    const hash = new Uint8Array(32);
    expect(await wrong({ position: 1n, commitPosition: 2n, commitHash: hash.subarray(1) })).toEqual([
      "after.commit_hash",
    ]);
    expect(await wrong({ position: 2n, commitPosition: 1n, commitHash: hash })).toEqual([
      "after.commit_position",
    ]);
    expect(await wrong({ position: 2n, commitHash: hash })).toEqual(["after.commit_position"]);
    expect(await wrong({ position: -1n, logId: "x", commitHash: new Uint8Array(33) })).toEqual([
      "after.commit_hash",
      "after.log_id",
      "after.position",
    ]);
    const minimum = { minPosition: 1n, minPositionHash: hash.subarray(1) };
    expect(
      await refusal(tenant.rpc.unary(ObservationService.method.listObservations, minimum)),
    ).toMatchObject({
      code: status.INVALID_ARGUMENT,
      fields: ["min_position_hash"],
    });
    expect(await wrong({ position: 0n, commitHash: hash }).catch(() => "none")).toBe("none");
  });
});

test("GetLogHead tells of the commit that contains a position", async () => {
  const tenant = newTenant(servers.app());
  const head = (atPosition = 0n) => tenant.rpc.unary(AdminService.method.getLogHead, { atPosition });
  expect(await head()).toMatchObject({ position: 0n, logId: "" });
  await write(tenant, 2);
  const first = await head();
  await write(tenant, 3, 1);
  const end = await head();
  for (const at of [1n, 2n]) expect(await head(at)).toEqual(first);
  expect((await head(3n)).position).toBe(5n);
  expect(await head(6n)).toEqual(end);
  expect(await refusal(head(7n))).toMatchObject({ reason: "POSITION_IN_FUTURE" });
  expect((await refusal(head(-1n))).fields).toEqual(["at_position"]);
});

test("any log that goes on in another way ends each subscription after what it was told, and names where they part", async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(sizes, sizes, fc.nat(6), fc.nat(1), async (before, after, keep, writer) => {
      const here = newTenant(servers.app(POLLS));
      const there = here.on(servers.app(WRITER));
      const old = await write(there, ...before);
      const answers = here.subscribe({ after: { position: 0n } });
      const read: SubscribeResponse[] = [];
      do read.push(present(await answers.next()));
      while (cursorOf(present(read.at(-1))).position < BigInt(old.length));
      const kept = before.slice(0, keep).reduce((sum, size) => sum + size, 0);
      await rewind(here, BigInt(kept));
      const next = await write(writer === 0 ? here : there, ...after);
      const now = [...old.slice(0, kept), ...next];
      // Each reads one history; nobody who begins now hears of the old one.
      const fresh = await readUpTo(here.subscribe({ after: { position: 0n } }), BigInt(now.length));
      expect(fresh.map(({ entity }) => entity.value?.id)).toEqual(now);
      if (kept === old.length) {
        while (cursorOf(present(read.at(-1))).position < BigInt(now.length))
          read.push(present(await answers.next()));
        expect(idsOf(read)).toEqual(now);
        answers.cancel();
        return;
      }
      const { read: more, end } = await rest(answers);
      expect(idsOf([...read, ...more])).toEqual(old);
      expect(end.reason).toBe("LOG_DIVERGED");
      if (end.metadata.common_position !== undefined) expect(end.metadata.common_position).toBe(String(kept));
      for (const cursor of read.map(cursorOf)) {
        const first = here.subscribe({ after: cursor }).next();
        if (cursor.commitPosition <= BigInt(kept)) expect(await first).toBeDefined();
        else expect(refusalOf(await errorOf(first)).reason).toBe("LOG_DIVERGED");
      }
    }),
    { numRuns: propertyRuns(20), seed: Number(process.env.HOLDFAST_TEST_SEED ?? 4650), endOnFailure: true },
  );
});
