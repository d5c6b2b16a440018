import { randomUUID } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { ChangeType, ListOrder } from "../gen/holdfast/v1/log_pb.js";
import type { EntityDeclaration } from "../src/entities/declaration.js";
import type { FieldBag } from "../src/entities/field-codec.js";
import { entities } from "../src/entities/registry.js";
import { type EntityClient, entityClient, type Fields } from "./support/entity-client.js";
import { freelyUpdatable, givenFields, sample, wrongValues } from "./support/entity-samples.js";
import { payload } from "./support/entries.js";
import { matchingFilter, mismatchingFilter, wrongFilters } from "./support/filter-samples.js";
import { type Refusal, refusal, refusals, rejectionsByIndex } from "./support/refusal.js";
import { newTenant, present, readUpTo } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const servers = useServers({}, {});

const named = entities.map((entity) => [entity.name, entity] as const);
const stateful = named.filter(([, { nature }]) => nature === "state");

function setUp(entity: EntityDeclaration) {
  const tenant = newTenant(servers.app());
  return {
    tenant,
    things: entityClient(entity, tenant.rpc),
    elsewhere: entityClient(entity, tenant.on(servers.app(1)).rpc),
    strangers: entityClient(entity, newTenant(servers.app()).rpc),
  };
}

/** The verbs of an entity that has a current state. */
function changing(things: EntityClient) {
  const { update, delete: remove, listRevisions } = things;
  return { update: present(update), remove: present(remove), listRevisions: present(listRevisions) };
}

/** What all pages of a list hold; `between` runs before each but the first. */
async function allPages(
  things: EntityClient,
  request: Fields = {},
  between: () => Promise<unknown> = async () => {},
): Promise<FieldBag[]> {
  const records: FieldBag[] = [];
  let pageToken = "";
  do {
    const page = await things.list({ ...request, pageToken });
    records.push(...page.records);
    pageToken = page.nextPageToken;
    if (pageToken !== "") await between();
  } while (pageToken !== "");
  return records;
}

const idsOf = (records: readonly FieldBag[]) => records.map(({ id }) => id);

describe.each(named)("every %s", (name, entity) => {
  test("is stored as it was given, and got by either of its names as it was answered", async () => {
    const { things, elsewhere } = setUp(entity);
    const given = sample(entity);
    const created = await things.create(given);
    for (const [field, value] of asRead(entity, given)) expect(created[field], field).toEqual(value);
    expect(created.position).toBe(1n);
    expect(created.createTime).toBeDefined();
    expect(await things.get(created.id as string)).toEqual(created);
    expect(await things.get((created.id as string).toUpperCase())).toEqual(created);
    expect(await elsewhere.get(created.id as string, { minPosition: 1n })).toEqual(created);
    expect(await things.getByName(created.externalId as string)).toEqual(created);
    expect((await things.list()).records).toEqual([created]);
    expect(await refusal(things.get(randomUUID()))).toMatchObject({ code: status.NOT_FOUND });
    expect(await refusal(things.create(undefined))).toMatchObject({ fields: [name] });
  });

  test("belongs to a session that is there and open", async () => {
    if (!entity.message.field["sessionId"]) return;
    const { tenant, things } = setUp(entity);
    const { id: sessionId } = await tenant.open();
    const created = await things.create({ ...sample(entity), sessionId: sessionId.toUpperCase() });
    expect(created.sessionId).toBe(sessionId);
    const nobodys = things.create({ ...sample(entity), sessionId: randomUUID() });
    expect(await refusal(nobodys)).toMatchObject({ reason: "SESSION_NOT_FOUND" });
  });

  test("is created once however often it is sent, and never replaced by another of its id or name", async () => {
    const { tenant, things, elsewhere } = setUp(entity);
    const given = sample(entity);
    const answers = await Promise.all([things.create(given), elsewhere.create(given), things.create(given)]);
    const [created] = answers;
    expect(answers).toEqual([created, created, created]);
    expect(await things.create({ ...given, id: (given.id as string).toUpperCase() })).toEqual(created);
    const other = { ...sample(entity, 2), id: given.id };
    expect(await refusal(elsewhere.create(other))).toMatchObject({
      code: status.ALREADY_EXISTS,
      reason: "ID_CONFLICT",
    });
    const namesake = { ...sample(entity, 2), externalId: given.externalId };
    expect(await refusal(things.create(namesake))).toMatchObject({ code: status.ALREADY_EXISTS });
    expect(await things.get(given.id as string)).toEqual(created);
    expect(await tenant.listAll()).toHaveLength(1);
  });

  test("comes in batches, if it does, of which bad ones are rejected by index", async () => {
    const { things } = setUp(entity);
    if (!things.batchCreate || !things.batchGet) return;
    const [first, second] = [sample(entity, 1), sample(entity, 2)];
    const { result, records } = await things.batchCreate([first, { ...sample(entity), id: "x" }, second]);
    expect(result.positions).toEqual([1n, 0n, 2n]);
    const [[index, rejection] = []] = rejectionsByIndex(result.rejections);
    expect([index, rejection?.reason, rejection?.fields.length]).toEqual([1, "INVALID_FIELD", 1]);
    expect(records).toEqual([await things.get(first.id as string), await things.get(second.id as string)]);
    const again = await things.batchCreate([second, first]);
    expect(again.result).toMatchObject({ positions: [2n, 1n], duplicates: [0, 1] });
    const ids = [second.id as string, randomUUID(), first.id as string];
    expect(await things.batchGet(ids)).toEqual([...records].reverse());
    expect(await refusal(things.batchGet([...ids, "x"]))).toMatchObject({ fields: ["ids[3]"] });
  });

  test("is listed in pages of any size, both ways, while more are added", async () => {
    const { things, elsewhere } = setUp(entity);
    const before: FieldBag[] = [];
    for (let i = 0; i < 7; i += 1) before.push(await things.create(sample(entity, i + 1)));
    const add = () => elsewhere.create(sample(entity, 9));
    const oldest = await allPages(things, { pageSize: 3, order: ListOrder.OLDEST_FIRST }, add);
    expect(oldest.slice(0, 7)).toEqual(before);
    const all = await allPages(things, { pageSize: 1000, order: ListOrder.OLDEST_FIRST });
    expect(all.slice(0, oldest.length)).toEqual(oldest);
    const newest = await allPages(things, { pageSize: 2, order: ListOrder.NEWEST_FIRST }, add);
    expect(newest).toEqual([...all].reverse());
    expect(newest.length).toBeGreaterThan(7);
  });

  test("is found by each of its list's filters, and by none that say otherwise", async () => {
    const { tenant, things } = setUp(entity);
    const hasSession = entity.message.field["sessionId"] !== undefined;
    const sessionId = hasSession ? (await tenant.open()).id : "";
    const record = await things.create({ ...sample(entity), sessionId });
    for (const field of things.filter.fields) {
      const matching = matchingFilter(field, record);
      const found = matching && (await things.list({ filter: matching })).records;
      expect(idsOf(found ?? [record]), `${field}`).toEqual([record.id]);
      const mismatching = mismatchingFilter(field, record);
      if (mismatching) expect((await things.list({ filter: mismatching })).records, `${field}`).toEqual([]);
      for (const filter of wrongFilters(field)) {
        const refused = await refusal(things.list({ filter }));
        expect(refused, `${field}`).toMatchObject({ code: status.INVALID_ARGUMENT, reason: "INVALID_FIELD" });
        expect(refused.fields.join(), `${field}`).toContain(`filter.${field.name}`);
      }
    }
  });

  test("is nowhere to be found for another tenant, who may use its id and name", async () => {
    const { things, strangers } = setUp(entity);
    const given = sample(entity);
    const { id } = (await things.create(given)) as unknown as { id: string };
    const mask = freelyUpdatable(entity).slice(0, 1);
    const attempts = [
      strangers.get(id),
      strangers.get(id, { atPosition: 0n }),
      strangers.getByName(given.externalId as string),
      strangers.update?.(
        given,
        mask.map((field) => field.name),
      ),
      strangers.delete?.(id),
      strangers.listRevisions?.({ id }),
    ];
    for (const refused of await refusals(attempts.filter((attempt) => attempt !== undefined))) {
      expect(refused).toMatchObject({ code: status.NOT_FOUND });
    }
    expect((await strangers.list()).records).toEqual([]);
    expect((await strangers.batchGet?.([id])) ?? []).toEqual([]);
    const theirs = await strangers.create({ ...sample(entity, 2), id, externalId: given.externalId });
    expect(theirs.position).toBe(1n);
    expect(await things.get(id)).not.toEqual(theirs);
  });

  test("with one wrong field is refused, and the field named", async () => {
    const { tenant, things } = setUp(entity);
    const unexpected: string[] = [];
    for (const stored of givenFields(entity)) {
      const { field } = stored;
      const isSet = field.name !== entity.lifecycle?.field || entity.lifecycle.mayStartLater;
      for (const [what, value] of isSet ? wrongValues(entity, stored) : []) {
        const given = { ...sample(entity), [field.localName]: value };
        unexpected.push(...misread(await refusal(things.create(given)), `${name}.${field.name}`, what));
      }
    }
    expect(unexpected.join("\n")).toBe("");
    expect(await tenant.listAll()).toEqual([]);
  });

  test("larger than an entry may be is refused with the limit", async () => {
    const { things } = setUp(entity);
    const large = givenFields(entity).filter(
      ({ field, kind }) => kind === "payload" || (kind === "text" && !entity.maxLengths?.[field.name]),
    );
    expect(large.length).toBeGreaterThan(name === "performance_metric" ? -1 : 0);
    for (const { field, kind } of large) {
      const value = kind === "payload" ? payload(Buffer.alloc(1 << 20), "") : "x".repeat(1 << 20);
      const given = { ...sample(entity), schema: undefined, [field.localName]: value };
      const refused = await refusal(things.create(given));
      expect(refused, `${field}`).toMatchObject({ code: status.INVALID_ARGUMENT });
    }
  });

  test("appears in the log and to subscribers, change by change, as it is got", async () => {
    const { tenant, things } = setUp(entity);
    const live = tenant.subscribe({ after: { position: 0n } });
    const created = await things.create(sample(entity));
    const id = created.id as string;
    const states = [created];
    if (things.update && things.delete) {
      for (const field of freelyUpdatable(entity)) {
        const record = { ...sample(entity, 2), id };
        states.push(await things.update(record, [field.name]));
      }
      states.push(await things.delete(id));
    }
    const last = present(states.at(-1)).position as bigint;
    const followed = await readUpTo(live, last);
    const listed = await tenant.listAll();
    expect(listed.slice(0, followed.length)).toEqual(followed);
    // A deletion is followed by an audit of it.
    const own = listed.filter(({ entity: each }) => (each.value as FieldBag | undefined)?.id === id);
    expect(own.map((event) => event.entity.value)).toEqual(states);
    for (const event of own) {
      const state = event.entity.value as unknown as FieldBag;
      expect(event.position).toBe(state.position);
      if (entity.nature === "append") expect(await things.get(id)).toEqual(state);
      else expect(await things.get(id, { atPosition: event.position })).toEqual(state);
    }
    const changes = own.map(({ change }) => change);
    expect(changes[0]).toBe(ChangeType.CREATED);
    if (things.delete) expect(changes.at(-1)).toBe(ChangeType.DELETED);
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });
});

describe.each(stateful)("a %s that changes", (name, entity) => {
  test("keeps what two writers give different fields at the same time", async () => {
    const { tenant, things, elsewhere } = setUp(entity);
    const { id } = (await things.create(sample(entity))) as unknown as { id: string };
    const fields = freelyUpdatable(entity);
    const wanted: Fields = {};
    const write = async (client: EntityClient, own: typeof fields) => {
      for (let round = 1; round <= 4; round += 1) {
        const record = { ...sample(entity, round), id };
        const read = new Map(asRead(entity, record));
        for (const { localName } of own) wanted[localName] = read.get(localName);
        const paths = own.map((field) => field.name);
        await changing(client).update(record, paths);
      }
    };
    await Promise.all([
      write(
        things,
        fields.filter((_, i) => i % 2 === 0),
      ),
      write(
        elsewhere,
        fields.filter((_, i) => i % 2 === 1),
      ),
    ]);
    const record = await things.get(id);
    const merged = new Set(entity.mergedMaps);
    for (const { name: field, localName } of fields) {
      if (merged.has(field)) expect(record[localName], field).toMatchObject(wanted[localName] as object);
      else expect(record[localName], field).toEqual(wanted[localName]);
    }
    expect(record.revision).toBe(9n);
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("changes in the fields of the mask and no others", async () => {
    const { things } = setUp(entity);
    let before = await things.create(sample(entity));
    for (const { name: field, localName } of freelyUpdatable(entity)) {
      const given = { ...sample(entity, 2), id: before.id };
      const after = await changing(things).update(given, [field]);
      const committed = { revision: after.revision, position: after.position, updateTime: after.updateTime };
      const changed = { [localName]: after[localName], ...committed };
      expect(after, field).toEqual({ ...before, ...changed });
      before = after;
    }
    const none = changing(things).update({ id: before.id }, []);
    expect(await refusal(none)).toMatchObject({ fields: ["update_mask"] });
    for (const path of ["id", "position", "revision", "no_such_field", "*", "\0"]) {
      const refused = await refusal(changing(things).update({ id: before.id }, [path]));
      expect(refused).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ["update_mask.paths[0]"] });
    }
  });

  test("is refused a wrong value of any field, which is named", async () => {
    const { things } = setUp(entity);
    const created = await things.create(sample(entity));
    const updatable = givenFields(entity).filter(({ field }) => entity.updatable?.includes(field.name));
    const unexpected: string[] = [];
    for (const stored of updatable) {
      const { field } = stored;
      if (field.name === entity.lifecycle?.field) continue;
      for (const [what, value] of wrongValues(entity, stored)) {
        const record = { ...sample(entity, 2), id: created.id, [field.localName]: value };
        const refused = await refusal(changing(things).update(record, [field.name]));
        unexpected.push(...misread(refused, `${name}.${field.name}`, what));
      }
    }
    expect(unexpected.join("\n")).toBe("");
    expect(await things.get(created.id as string)).toEqual(created);
  });

  test("changes from an expected revision only, else ABORTED tells the current one", async () => {
    const { things, elsewhere } = setUp(entity);
    const { id } = (await things.create(sample(entity))) as unknown as { id: string };
    const write = (client: EntityClient, seed: number, expectedRevision: bigint) =>
      changing(client).update({ ...sample(entity, seed), id }, ["labels"], { expectedRevision });
    const settled = await Promise.allSettled([write(things, 2, 1n), write(elsewhere, 3, 1n)]);
    expect(settled.filter(({ status: each }) => each === "fulfilled")).toHaveLength(1);
    const stale = [
      write(things, 4, 1n),
      write(things, 4, 3n),
      changing(things).remove(id, { expectedRevision: 1n }),
    ];
    for (const refused of await refusals(stale)) {
      expect(refused).toMatchObject({
        code: status.ABORTED,
        reason: "REVISION_MISMATCH",
        metadata: { current_revision: "2" },
      });
    }
    expect((await write(things, 5, 2n)).revision).toBe(3n);
  });

  test("changes once however often the same request is sent", async () => {
    const { tenant, things, elsewhere } = setUp(entity);
    const { id } = (await things.create(sample(entity))) as unknown as { id: string };
    const requestId = randomUUID();
    const record = { ...sample(entity, 2), id };
    const update = (client: EntityClient) => changing(client).update(record, ["labels"], { requestId });
    const [first, second] = await Promise.all([update(things), update(elsewhere)]);
    expect(second).toEqual(first);
    await changing(things).update({ ...sample(entity, 3), id }, ["labels"]);
    expect(await update(things)).toEqual(first);
    const other = changing(things).update({ ...sample(entity, 4), id }, ["labels"], { requestId });
    expect(await refusal(other)).toMatchObject({ code: status.ALREADY_EXISTS });
    const deletion = { requestId: randomUUID() };
    const deleted = await changing(things).remove(id, deletion);
    expect(await changing(elsewhere).remove(id, deletion)).toEqual(deleted);
    expect(deleted.revision).toBe(4n);
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("is gone once deleted, except to who asks for what is deleted", async () => {
    const { things } = setUp(entity);
    const [kept, gone] = [await things.create(sample(entity)), await things.create(sample(entity, 2))];
    const deleted = await changing(things).remove(gone.id as string);
    expect(deleted).toMatchObject({ revision: 2n, deleteTime: expect.anything() });
    expect(idsOf((await things.list()).records)).toEqual([kept.id]);
    const all = await things.list({ filter: { includeDeleted: true } });
    expect(idsOf(all.records)).toEqual([gone.id, kept.id]);
    const attempts = [
      changing(things).remove(gone.id as string),
      changing(things).update({ ...sample(entity), id: gone.id }, ["labels"]),
    ];
    for (const refused of await refusals(attempts)) expect(refused).toMatchObject({ code: status.NOT_FOUND });
    expect(await things.get(kept.id as string)).toEqual(kept);
  });

  test("keeps every state it ever had", async () => {
    const { things } = setUp(entity);
    const created = await things.create(sample(entity));
    const id = created.id as string;
    const states = [created];
    for (const seed of [2, 3, 4]) {
      states.push(await changing(things).update({ ...sample(entity, seed), id }, ["labels"]));
    }
    states.push(await changing(things).remove(id));
    const seen: Fields[] = [];
    let pageToken = "";
    do {
      const page = await changing(things).listRevisions({ id, pageSize: 2, pageToken });
      seen.push(...page.revisions);
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen.map(({ record }) => record)).toEqual([...states].reverse());
    const { CREATED, UPDATED, DELETED } = ChangeType;
    expect(seen.map(({ change }) => change)).toEqual([DELETED, UPDATED, UPDATED, UPDATED, CREATED]);
    for (const [i, state] of [...states].reverse().entries()) {
      const { revision, position, updateTime } = state;
      expect(seen[i]).toMatchObject({ revision, position, commitTime: updateTime as Timestamp });
      expect(await things.get(id, { atPosition: position })).toEqual(state);
    }
    const future = things.get(id, { atPosition: 1_000_000n });
    expect(await refusal(future)).toMatchObject({ reason: "POSITION_IN_FUTURE" });
  });
});

/** The fields of a thing as they come back over the wire. */
function asRead({ message }: EntityDeclaration, fields: Fields): [localName: string, value: unknown][] {
  const read = fromBinary(message, Buffer.from(toBinary(message, create(message, fields)))) as FieldBag;
  return Object.keys(fields).map((name) => [name, read[name]]);
}

/** What is wrong with a refusal that should name this field. */
function misread(refused: Refusal, field: string, what: string): string[] {
  const isRight =
    refused.code === status.INVALID_ARGUMENT &&
    refused.reason === "INVALID_FIELD" &&
    refused.fields.some(
      (each) => each === field || each.startsWith(`${field}.`) || each.startsWith(`${field}[`),
    );
  return isRight ? [] : [`${field}, ${what}: ${refused.message} ${refused.fields}`];
}
