import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { ConfigurationService } from "../gen/holdfast/v1/configuration_pb.js";
import { put, text } from "./support/configurations.js";
import { payload } from "./support/entries.js";
import { type Refusal, refusal, refusals } from "./support/refusal.js";
import { newTenant, present, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

/** Honest schemas pass however busy the machine is. */
const HONEST_MS = 60_000;
const servers = useServers(
  { schemaTimeLimitMs: HONEST_MS },
  { schemaTimeLimitMs: HONEST_MS },
  { schemaTimeLimitMs: 100, maxWaitingWorkerTasks: 1 },
);
const { method } = ConfigurationService;
const ALL = payload('{"enum": [1, 2, 3]}');
const FEW = payload('{"enum": [1, 2]}');
/** A pattern that RE2 cannot express, and a text that JavaScript would take longer for than anyone lives. */
const LOOKAHEAD = payload('{"pattern": "^(?=(a+)+$)"}');
const LONG = payload(JSON.stringify(`${"a".repeat(1000)}!`));
const MANY = 8;

test("of a value and a schema that exclude each other only one is stored, on any server", async () => {
  const one = newTenant(servers.app(0));
  const other = one.on(servers.app(1));
  const created = await Promise.all(
    Array.from({ length: MANY }, (_, i) => put(one, { key: `k${i}`, value: payload("2"), schema: ALL })),
  );
  const outcomes = await Promise.all(
    created.map(async ({ id }, i) => {
      const [first, second] = i % 2 === 0 ? [one, other] : [one, one];
      const answers = await Promise.allSettled([
        update(first, { id, value: payload("3") }, "value"),
        update(second, { id, schema: FEW }, "schema"),
      ]);
      const refused = answers.filter(({ status }) => status === "rejected");
      return { refused, stored: present(await read(one, id)) };
    }),
  );
  for (const { refused, stored } of outcomes) {
    expect(refused).toHaveLength(1);
    const schema = present(stored.schema);
    expect([text(stored), Buffer.from(schema.data).toString()]).toEqual(
      text(stored) === "3" ? ["3", '{"enum": [1, 2, 3]}'] : ["2", '{"enum": [1, 2]}'],
    );
  }
  await expectSoundLog(servers.databaseUrl, one.id);
});

test("no revision holds a value that its schema rejects, whoever writes what at a time", async () => {
  const one = newTenant(servers.app(0));
  const other = one.on(servers.app(1));
  const { id } = await put(one, { key: "k", value: payload("2"), schema: ALL });
  const others = payload('{"enum": [2, 3]}');
  const values = Array.from({ length: MANY }, (_, i) => ({ id, value: payload(`${(i % 3) + 1}`) }));
  const schemas = Array.from({ length: MANY }, (_, i) => ({ id, schema: i % 2 === 0 ? FEW : others }));
  const write = async (tenant: Tenant, changes: readonly object[], path: string) => {
    for (const change of changes) await update(tenant, change, path).catch(() => {});
  };
  await Promise.all([
    write(one, values, "value"),
    write(other, schemas, "schema"),
    write(other, values, "value"),
  ]);
  const { revisions } = await one.rpc.unary(method.listConfigurationRevisions, { id, pageSize: 1000 });
  for (const { configuration } of revisions) {
    const schema = JSON.parse(Buffer.from(present(configuration?.schema).data).toString()) as {
      enum: number[];
    };
    expect(schema.enum).toContain(Number(text(configuration)));
  }
  // The twos among the values fit every schema.
  expect(revisions.length).toBeGreaterThan(1);
  await expectSoundLog(servers.databaseUrl, one.id);
});

test("what is more than may wait for its check is refused as OVERLOADED, by itself", async () => {
  const tenant = newTenant(servers.app(2));
  const endless = (key: string) => put(tenant, { key, value: LONG, schema: LOOKAHEAD });
  let found: readonly Refusal[] = [];
  // How many of them meet is for the machine to decide.
  while (!found.some(({ reason }) => reason === "OVERLOADED")) {
    const others = put(tenant, { key: randomUUID(), value: LONG });
    found = await refusals([1, 2, 3, 4].map((n) => endless(`k${n}`)));
    await others;
  }
  for (const { reason, mayRetry } of found) {
    expect([reason, mayRetry]).toEqual(mayRetry ? ["OVERLOADED", true] : ["INVALID_FIELD", false]);
  }
});

test("a value is given up by its limit also where its schema is there already", async () => {
  const patient = newTenant(servers.app(0));
  const { id } = await put(patient, { key: "k", value: payload('"aa"'), schema: LOOKAHEAD });
  const { reason, fields, message } = await refusal(
    update(patient.on(servers.app(2)), { id, value: LONG }, "value"),
  );
  expect([reason, fields]).toEqual(["INVALID_FIELD", ["configuration.value"]]);
  expect(message).toContain("more than 100 ms of work");
  expect(await read(patient, id)).toMatchObject({ revision: 1n });
});

function update({ rpc }: Tenant, configuration: object, path: string) {
  const request = { configuration, updateMask: { paths: [path] }, requestId: randomUUID() };
  return rpc.unary(method.updateConfiguration, request);
}

async function read({ rpc }: Tenant, id: string) {
  return (await rpc.unary(method.getConfiguration, { key: { case: "id", value: id } })).configuration;
}
