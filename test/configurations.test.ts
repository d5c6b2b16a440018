import { randomUUID } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import {
  ConfigurationService,
  ConfigurationLayer as Layer,
  ConfigurationValueType as ValueType,
} from "../gen/holdfast/v1/configuration_pb.js";
import { ChangeType } from "../gen/holdfast/v1/log_pb.js";
import { change, inForce, put, remove, text } from "./support/configurations.js";
import { payload } from "./support/entries.js";
import { refusal } from "./support/refusal.js";
import { newTenant, present } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

// Honest schemas pass however busy the machine is.
const servers = useServers({ schemaTimeLimitMs: 60_000 });
const { method } = ConfigurationService;

describe("layers", () => {
  test("an agent's value is in force over the tenant's, the tenant's over the default", async () => {
    const tenant = newTenant(servers.app());
    await put(tenant, { key: "a", value: payload("1"), layer: Layer.DEFAULT });
    await put(tenant, { key: "b", value: payload("2"), layer: Layer.DEFAULT });
    const ofTenant = await put(tenant, { key: "b", value: payload("3") });
    const ofAgent = await put(tenant, { key: "b", value: payload("4"), agentId: "planner" });
    expect([ofTenant.layer, ofAgent.layer]).toEqual([Layer.TENANT, Layer.AGENT]);
    expect(ofTenant.active).toBe(true);
    expect(await inForce(tenant)).toEqual(["a=1 from DEFAULT", "b=3 from TENANT"]);
    expect(await inForce(tenant, "planner")).toEqual(["a=1 from DEFAULT", "b=4 from AGENT"]);
    expect(await inForce(tenant, "other")).toEqual(["a=1 from DEFAULT", "b=3 from TENANT"]);

    await change(tenant, { id: ofTenant.id, active: false }, "active");
    expect(await inForce(tenant)).toEqual(["a=1 from DEFAULT", "b=2 from DEFAULT"]);
    await remove(tenant, ofAgent.id);
    expect(await inForce(tenant, "planner")).toEqual(["a=1 from DEFAULT", "b=2 from DEFAULT"]);
    expect(await inForce(tenant, "planner", ofAgent.position)).toEqual([
      "a=1 from DEFAULT",
      "b=4 from AGENT",
    ]);
    expect(await inForce(tenant, "planner", 1n)).toEqual(["a=1 from DEFAULT"]);
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("keys are resolved by name and by what they begin with", async () => {
    const tenant = newTenant(servers.app());
    for (const key of ["a%", "ab", "abc", "b", "é"]) await put(tenant, { key, value: payload("0") });
    const keys = async (request: object) =>
      (await tenant.rpc.unary(method.resolveConfiguration, request)).configurations.map(({ key }) => key);
    expect(await keys({})).toEqual(["a%", "ab", "abc", "b", "é"]);
    expect(await keys({ prefixes: ["ab"] })).toEqual(["ab", "abc"]);
    expect(await keys({ prefixes: ["a%"] })).toEqual(["a%"]);
    expect(await keys({ keys: ["b", "none"], prefixes: ["é"] })).toEqual(["b", "é"]);
    expect((await refusal(keys({ keys: [""], prefixes: ["\0"] }))).fields).toEqual([
      "keys[0]",
      "prefixes[0]",
    ]);
    expect((await refusal(keys({ atPosition: 99n }))).reason).toBe("POSITION_IN_FUTURE");
    expect((await refusal(keys({ minPosition: 99n }))).reason).toBe("POSITION_IN_FUTURE");
  });

  test("values of more bytes than an answer holds are rejected before they are read, now and at a position", async () => {
    const tenant = newTenant(servers.app());
    const value = payload(JSON.stringify("x".repeat(900_000)));
    for (let i = 0; i < 15; i += 1) await put(tenant, { key: `big${i}`, value });
    const position = 15n;
    const tooLarge = {
      code: status.RESOURCE_EXHAUSTED,
      reason: "LIMIT_EXCEEDED",
      metadata: { limit: String(4 * 1024 * 1024) },
    };
    const resolve = (request: object) => tenant.rpc.unary(method.resolveConfiguration, request);
    expect(await refusal(resolve({ prefixes: ["big"] }))).toMatchObject(tooLarge);
    expect(await refusal(resolve({ prefixes: ["big"], atPosition: position }))).toMatchObject(tooLarge);
    const watched = tenant.rpc.serverStream(method.watchConfigurations, { prefixes: ["big"] });
    expect(await refusal(watched.next())).toMatchObject(tooLarge);
    expect((await resolve({ keys: ["big1", "big2"] })).configurations).toHaveLength(2);
  });

  test("a watch ends when changes make its values more than it may hold", async () => {
    const tenant = newTenant(servers.app());
    const value = payload(JSON.stringify("x".repeat(900_000)));
    const watched = tenant.rpc.serverStream(method.watchConfigurations, {});
    await watched.next();
    const read = async () => {
      while (await watched.next());
    };
    const ended = refusal(read());
    for (let i = 0; i < 15; i += 1) await put(tenant, { key: `big${i}`, value });
    expect(await ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: "LIMIT_EXCEEDED" });
  });

  test("a key is unique within its layer and agent until it is deleted", async () => {
    const tenant = newTenant(servers.app());
    const first = await put(tenant, { key: "k" });
    await put(tenant, { key: "k", layer: Layer.DEFAULT });
    await put(tenant, { key: "k", agentId: "a" });
    await put(tenant, { key: "k", agentId: "b" });
    for (const again of [{}, { layer: Layer.TENANT }, { layer: Layer.DEFAULT }, { agentId: "b" }]) {
      const { code, reason } = await refusal(put(tenant, { key: "k", ...again }));
      expect([code, reason]).toEqual([status.ALREADY_EXISTS, "EXTERNAL_ID_TAKEN"]);
    }
    await remove(tenant, first.id);
    await put(tenant, { key: "k" });
  });

  test("the layer AGENT is of an agent, and no other is", async () => {
    const tenant = newTenant(servers.app());
    for (const wrong of [{ layer: Layer.AGENT }, { layer: Layer.TENANT, agentId: "a" }]) {
      const { reason, fields } = await refusal(put(tenant, { key: "k", ...wrong }));
      expect([reason, fields]).toEqual(["INVALID_FIELD", ["configuration.agent_id"]]);
    }
    expect((await refusal(put(tenant, { key: "k", layer: 9 as Layer }))).fields).toEqual([
      "configuration.layer",
    ]);
  });
});

describe("values", () => {
  const number = payload("17");
  const string = payload('"17"');
  const object = payload('{"a":[1]}');
  test.each([
    [
      "STRING",
      [string, payload("17", "text/plain")],
      [number, object, payload(Buffer.from([0xff]), "text/plain")],
    ],
    ["NUMBER", [number, payload("-1e400")], [string, payload("NaN"), payload("17", "text/plain")]],
    ["BOOLEAN", [payload("true"), payload(" false ")], [payload("1"), string]],
    [
      "JSON",
      [object, payload("null"), payload("1", "application/x+json")],
      [payload("{"), payload("1", "text/plain")],
    ],
    ["BYTES", [payload(Buffer.from([0, 255]), "image/png"), number, payload("{")], []],
    ["UNSPECIFIED", [payload(Buffer.from([0, 255]), "image/png"), number, payload("{")], []],
  ] as const)("one of type %s is checked", async (name, fitting, others) => {
    const tenant = newTenant(servers.app());
    const valueType = ValueType[name];
    for (const [i, value] of fitting.entries()) {
      const stored = await put(tenant, { key: `k${i}`, value, valueType });
      expect(stored.value).toMatchObject({ contentType: value.contentType });
      expect(Buffer.from(stored.value?.data ?? [])).toEqual(Buffer.from(value.data));
    }
    for (const value of others) {
      const { reason, fields } = await refusal(put(tenant, { key: "other", value, valueType }));
      expect([reason, fields]).toEqual(["INVALID_FIELD", ["configuration.value"]]);
    }
  });

  const schema = payload(
    JSON.stringify({
      type: "object",
      required: ["steps"],
      properties: { steps: { type: "integer", maximum: 10 }, tools: { items: { enum: ["a", "b"] } } },
    }),
  );

  test("one that breaks its schema is refused with the path inside it", async () => {
    const tenant = newTenant(servers.app());
    const wrong = payload('{"steps": 11, "tools": ["a", "c"]}');
    const refused = await refusal(put(tenant, { key: "planner", value: wrong, schema }));
    expect(refused).toMatchObject({ code: status.INVALID_ARGUMENT, reason: "INVALID_FIELD" });
    expect(refused.fields).toEqual(["configuration.value/steps"]);
    expect(refused.message).toContain("expected to be <= 10");
    expect((await refusal(put(tenant, { key: "planner", value: payload("[]"), schema }))).fields).toEqual([
      "configuration.value",
    ]);

    const { id } = await put(tenant, { key: "planner", value: payload('{"steps": 3}'), schema });
    const value = payload('{"steps": 3, "tools": ["a", "c"]}');
    expect((await refusal(change(tenant, { id, value }, "value"))).fields).toEqual([
      "configuration.value/tools/1",
    ]);
    // A schema is as little let in over a value that breaks it.
    const stricter = payload('{"properties": {"steps": {"const": 4}}}');
    expect((await refusal(change(tenant, { id, schema: stricter }, "schema"))).fields).toEqual([
      "configuration.value/steps",
    ]);
    await change(tenant, { id, schema: stricter, value: payload('{"steps": 4}') }, "schema", "value");
    await change(tenant, { id, value: payload("7") }, "value", "schema");
    expect(await inForce(tenant)).toEqual(["planner=7 from TENANT"]);
  });

  test.each([
    ["no JSON", "{", ""],
    ["no schema", "[]", ""],
    ["an unknown type", '{"type": "strng"}', "/type"],
    ["a bad keyword deep inside", '{"properties": {"a": 5}}', "/properties/a"],
    ["a reference to elsewhere", '{"$ref": "https://example.com/schema"}', ""],
    ["a bad pattern", '{"pattern": "("}', ""],
    ["$async", '{"$async": true, "type": "integer"}', ""],
    ["$async inside", '{"properties": {"a": {"$async": true, "type": "null"}}}', ""],
    [
      "$async in what it refers to",
      '{"$ref": "#/$defs/a", "$defs": {"a": {"$async": true, "type": "null"}}}',
      "",
    ],
    ["a standard that is not known", '{"$schema": "https://example.com/schema"}', ""],
    ["endless nesting", `${'{"not":'.repeat(8000)}{}${"}".repeat(8000)}`, ""],
    ["too much", JSON.stringify({ description: "x".repeat(70_000) }), ""],
  ])("a schema with %s is refused", async (_name, schemaText, path) => {
    const tenant = newTenant(servers.app());
    const { reason, fields } = await refusal(put(tenant, { key: "k", schema: payload(schemaText) }));
    expect([reason, fields[0]]).toEqual(["INVALID_FIELD", `configuration.schema${path}`]);
  });

  test("schemas of both drafts are understood, and share no names", async () => {
    const tenant = newTenant(servers.app());
    const draft07 =
      '{"$schema": "http://json-schema.org/draft-07/schema#", "$id": "same", "items": [{"const": 1}]}';
    const draft2020 =
      '{"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "same", "prefixItems": [{"const": 2}]}';
    await put(tenant, { key: "07", schema: payload(draft07), value: payload("[1]") });
    await put(tenant, { key: "2020", schema: payload(draft2020), value: payload("[2]") });
    for (const each of [draft07, draft2020]) {
      const { fields } = await refusal(
        put(tenant, { key: "k", schema: payload(each), value: payload("[3]") }),
      );
      expect(fields).toEqual(["configuration.value/0"]);
    }
  });

  test("a resend is answered with the first result, also where its value would be invalid by now", async () => {
    const tenant = newTenant(servers.app());
    const first = { id: randomUUID(), key: "k", schema, value: payload('{"steps": 3}') };
    const created = await put(tenant, first);
    const request = {
      configuration: { id: first.id, value: payload('{"steps": 4}') },
      updateMask: { paths: ["value"] },
      requestId: randomUUID(),
    };
    const { configuration: changed } = await tenant.rpc.unary(method.updateConfiguration, request);
    await change(
      tenant,
      { id: first.id, schema: payload("false"), value: payload("1") },
      "schema",
      "value",
    ).catch(() => {});
    await change(
      tenant,
      { id: first.id, schema: payload('{"const": 1}'), value: payload("1") },
      "schema",
      "value",
    );
    expect(await put(tenant, first)).toEqual(created);
    expect((await tenant.rpc.unary(method.updateConfiguration, request)).configuration).toEqual(changed);
    const fresh = { ...request, requestId: randomUUID() };
    expect((await refusal(tenant.rpc.unary(method.updateConfiguration, fresh))).fields).toEqual([
      "configuration.value",
    ]);
    // What was valid under the schema of its revision comes back with it.
    const rollback = { id: first.id, revision: 2n };
    expect((await tenant.rpc.unary(method.rollbackConfiguration, rollback)).configuration).toMatchObject({
      revision: 4n,
    });
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("a secret is not told apart by a schema that comes without it", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await put(tenant, { key: "k", value: payload('"s3cret"'), isSecret: true });
    const guess = payload('{"pattern": "^s"}');
    expect((await refusal(change(tenant, { id, schema: guess }, "schema"))).fields).toEqual([
      "configuration.value",
    ]);
    await change(tenant, { id, schema: guess, value: payload('"s4cret"') }, "schema", "value");
    expect((await refusal(change(tenant, { id, value: payload('"x"') }, "value"))).fields).toEqual([
      "configuration.value",
    ]);
  });
});

describe("history", () => {
  test("every revision says who made it, and any can be made the newest again", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await put(tenant, { key: "k", value: payload("1"), labels: { a: "1" }, actor: "forged" });
    await change(tenant, { id, value: payload("2"), description: "two" }, "value", "description");
    await change(tenant, { id, labels: { a: "3" } }, "labels");
    const request = { id, revision: 1n, requestId: randomUUID() };
    const rolledBack = present((await tenant.rpc.unary(method.rollbackConfiguration, request)).configuration);
    expect(rolledBack).toMatchObject({
      revision: 4n,
      description: "",
      labels: { a: "3" },
      actor: "anonymous",
    });
    expect(text(rolledBack)).toBe("1");
    const again = await tenant.rpc.unary(method.rollbackConfiguration, request);
    expect(again.configuration).toEqual(rolledBack);

    const { revisions } = await tenant.rpc.unary(method.listConfigurationRevisions, { id });
    expect(revisions.map(({ configuration }) => text(configuration))).toEqual(["1", "2", "2", "1"]);
    expect(new Set(revisions.map(({ configuration }) => configuration?.actor))).toEqual(
      new Set(["anonymous"]),
    );
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("a rollback to what never was is refused", async () => {
    const tenant = newTenant(servers.app());
    const { id } = await put(tenant, { key: "k", value: payload("1") });
    const rollback = (request: object) =>
      refusal(tenant.rpc.unary(method.rollbackConfiguration, { id, ...request }));
    for (const revision of [0n, -1n, 2n, 2n ** 63n - 1n]) {
      expect((await rollback({ revision })).fields).toEqual(["revision"]);
    }
    expect((await rollback({ revision: 1n, expectedRevision: 7n })).reason).toBe("REVISION_MISMATCH");
    expect((await rollback({ id: randomUUID(), revision: 1n })).reason).toBe("NOT_FOUND");
    expect((await rollback({ id: "x", revision: 1n })).fields).toEqual(["id"]);
    expect((await rollback({ revision: 1n, requestId: "x" })).fields).toEqual(["request_id"]);
    await remove(tenant, id);
    expect((await rollback({ revision: 1n })).reason).toBe("NOT_FOUND");
  });
});

test("a deletion is the newest revision, by whoever deleted", async () => {
  const tenant = newTenant(servers.app());
  const { id } = await put(tenant, { key: "k", value: payload("1") });
  await remove(tenant, id);
  const { revisions } = await tenant.rpc.unary(method.listConfigurationRevisions, { id });
  expect(revisions.map((each) => each.change)).toEqual([ChangeType.DELETED, ChangeType.CREATED]);
});
