import { randomUUID } from "node:crypto";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { AdminService } from "../gen/holdfast/v1/admin_pb.js";
import {
  type Configuration,
  ConfigurationService,
  ConfigurationValueType,
} from "../gen/holdfast/v1/configuration_pb.js";
import { EventService } from "../gen/holdfast/v1/event_pb.js";
import { type SecurityAudit, SecurityAuditService } from "../gen/holdfast/v1/security_audit_pb.js";
import { SessionService } from "../gen/holdfast/v1/session_pb.js";
import { entities } from "../src/entities/registry.js";
import { accessOf, rolesFor } from "../src/rpc/access.js";
import { payload } from "./support/entries.js";
import { refusal } from "./support/refusal.js";
import type { RpcClient } from "./support/rpc-client.js";
import { newTenant, present } from "./support/tenant.js";
import { useTokenServer } from "./support/token-server.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const TENANT = randomUUID();
const SECRET = "hunter2-is-the-secret";
const server = useTokenServer([
  { name: "reader", tenant: TENANT, roles: ["reader"] },
  { name: "plain", tenant: TENANT },
  { name: "keeper", tenant: TENANT, roles: ["writer", "secret_reader"] },
  { name: "auditor", tenant: TENANT, roles: ["secret_reader"] },
  { name: "admin", tenant: TENANT, roles: ["admin"] },
]);
const anonymous = useServers({});
const { method } = ConfigurationService;

async function putSecret(
  rpc: RpcClient,
  init: Partial<Pick<Configuration, "id" | "key" | "agentId" | "labels" | "isSecret">> & {
    readonly value?: ReturnType<typeof payload>;
  } = {},
): Promise<Configuration> {
  const value = payload(JSON.stringify(SECRET));
  const configuration = {
    id: randomUUID(),
    key: randomUUID(),
    agentId: randomUUID(),
    value,
    isSecret: true,
    ...init,
  };
  return present((await rpc.unary(method.createConfiguration, { configuration })).configuration);
}

describe("methods", () => {
  const methods = [...entities.map(({ service }) => service), EventService, AdminService].flatMap(
    (service) => service.methods,
  );

  test("say in their proto whether they have side effects, as their name does", () => {
    const readers = methods.filter(
      ({ idempotency }) => idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS,
    );
    const writers = methods.filter((method) => !readers.includes(method));
    const reading = /^(Get|BatchGet|List|Search|Resolve|Watch|Subscribe|Explain)/;
    const changing =
      /^(Create|BatchCreate|Update|Delete|Append|Open|Close|Rollback|Record|Fork|Start|Finish|Import)/;
    expect(readers.length).toBeGreaterThan(30);
    expect(writers.filter(({ name }) => reading.test(name)).map(String)).toEqual([]);
    expect(readers.filter(({ name }) => changing.test(name)).map(String)).toEqual([]);
  });

  test("administer for admins alone", () => {
    expect(accessOf(AdminService.method.getLogHead)).toBe("read");
    expect(rolesFor("administer")).toEqual(["admin"]);
  });
});

describe("a reader", () => {
  test("reads, and changes nothing", async () => {
    const [reader, writer] = [server.as("reader"), server.as("plain")];
    const { session } = await writer.unary(SessionService.method.openSession, { session: {} });
    const id = present(session).id;
    await reader.unary(SessionService.method.getSession, { key: { case: "id", value: id } });
    await reader.unary(EventService.method.listEvents, {});
    const refused = [
      reader.unary(SessionService.method.openSession, {}),
      reader.unary(SessionService.method.deleteSession, { id }),
      reader.unary(EventService.method.append, { entries: [{}] }),
      reader.unary(method.rollbackConfiguration, { id }),
      reader.duplex(EventService.method.appendStream).next(),
    ];
    for (const each of refused) {
      const { code, reason, message } = await refusal(each);
      expect([code, reason]).toEqual([status.PERMISSION_DENIED, "PERMISSION_DENIED"]);
      expect(message).toMatch(/^\/holdfast\.v1\.\w+\/\w+ needs the role writer or admin$/);
    }
  });

  test("is not served for another tenant than its own", async () => {
    const refused = await refusal(server.as("reader", randomUUID()).unary(method.listConfigurations, {}));
    expect(refused.reason).toBe("PERMISSION_DENIED");
    await server.as("reader", TENANT).unary(method.listConfigurations, {});
  });
});

describe("what concerns every tenant", () => {
  const { getStatistics, getStorageInfo } = AdminService.method;

  test.each(["reader", "plain", "auditor"])("is not told to others than admins: %s", async (name) => {
    const rpc = server.as(name);
    const { code, message } = await refusal(rpc.unary(getStorageInfo, {}));
    expect(code).toBe(status.PERMISSION_DENIED);
    expect(message).toBe("/holdfast.v1.AdminService/GetStorageInfo needs the role admin");
    const told = await rpc.unary(getStatistics, {});
    expect([told.tables, told.appendLatency, told.cacheHitRatio]).toEqual([[], undefined, undefined]);
    expect([told.entities.length, told.growth.length]).toEqual([entities.length, 3]);
  });

  test("is told to an admin, without an audit each time it is asked for", async () => {
    const admin = server.as("admin");
    expect((await admin.unary(getStorageInfo, {})).totalBytes).toBeGreaterThan(0n);
    const told = await admin.unary(getStatistics, {});
    expect(told.tables.length).toBeGreaterThan(entities.length);
    expect(told.appendLatency).toBeDefined();
    const { securityAudits } = await admin.unary(SecurityAuditService.method.listSecurityAudits, {
      filter: { actors: ["token:admin"] },
    });
    expect(securityAudits).toEqual([]);
  });
});

describe("a secret", () => {
  /** Everything a caller can be told of a configuration, on whatever path. */
  async function everywhere(rpc: RpcClient, secret: Configuration): Promise<unknown[]> {
    const { id, key, agentId, position } = secret;
    const after = position - 1n;
    const watch = rpc.serverStream(method.watchConfigurations, { keys: [key], agentId });
    const events = rpc.serverStream(EventService.method.subscribe, { after: { position: after } });
    const answers = [
      await rpc.unary(method.getConfiguration, { key: { case: "id", value: id } }),
      await rpc.unary(method.getConfiguration, { key: { case: "id", value: id }, atPosition: position }),
      await rpc.unary(method.listConfigurations, { filter: { keys: [key] } }),
      await rpc.unary(method.listConfigurationRevisions, { id }),
      await rpc.unary(method.resolveConfiguration, { keys: [key], agentId }),
      await rpc.unary(method.resolveConfiguration, { keys: [key], agentId, atPosition: position }),
      await rpc.unary(EventService.method.listEvents, { after: { position: after } }),
      await rpc.unary(AdminService.method.getStateAt, { subject: { case: "agentId", value: agentId } }),
      await watch.next(),
      await events.next(),
    ];
    watch.cancel();
    events.cancel();
    return answers;
  }

  const shows = (answer: unknown) => {
    const text = JSON.stringify(answer, function (this: Record<string, unknown>, name, value) {
      if (typeof value === "bigint") return String(value);
      // A Buffer is handed over as what its own toJSON makes of it.
      const given = this[name];
      return given instanceof Uint8Array ? Buffer.from(given).toString() : value;
    });
    return { secret: text.includes(SECRET), marker: text.includes('"valueRedacted":true') };
  };

  test.each(["plain", "reader"])("is never shown to a caller without the role: %s", async (name) => {
    const keeper = server.as("keeper");
    const secret = await putSecret(keeper);
    for (const answer of await everywhere(server.as(name), secret)) {
      expect(shows(answer)).toEqual({ secret: false, marker: true });
    }
  });

  test.each(["keeper", "auditor"])("is shown to a secret_reader: %s", async (name) => {
    const secret = await putSecret(server.as("plain"));
    for (const answer of await everywhere(server.as(name), secret)) {
      expect(shows(answer)).toEqual({ secret: true, marker: false });
    }
  });

  test("is not shown to its writer either, nor in answers to retries and changes", async () => {
    const writer = server.as("plain");
    const id = randomUUID();
    const names = { id, key: randomUUID(), agentId: "agent" };
    const answers: unknown[] = [await putSecret(writer, names), await putSecret(writer, names)];
    const change = { configuration: { id, description: "d" }, updateMask: { paths: ["description"] } };
    const withId = { ...change, requestId: randomUUID() };
    answers.push(await writer.unary(method.updateConfiguration, withId));
    answers.push(await writer.unary(method.updateConfiguration, withId));
    answers.push(await writer.unary(method.rollbackConfiguration, { id, revision: 1n }));
    answers.push(await writer.unary(method.deleteConfiguration, { id }));
    for (const answer of answers) expect(shows(answer)).toEqual({ secret: false, marker: true });
    expect(shows(await server.as("keeper").unary(method.listConfigurationRevisions, { id })).secret).toBe(
      true,
    );
  });

  test("stays a secret: neither its flag, its type nor its schema gives it away", async () => {
    const writer = server.as("plain");
    const { id } = await putSecret(writer);
    const change = (configuration: object, ...paths: string[]) =>
      refusal(
        writer.unary(method.updateConfiguration, {
          configuration: { id, ...configuration },
          updateMask: { paths },
        }),
      );
    expect((await change({ isSecret: false }, "is_secret")).fields).toEqual(["update_mask.paths[0]"]);
    const guess = payload('{"pattern": "^hunter"}');
    expect((await change({ schema: guess }, "schema")).fields).toEqual(["configuration.value"]);
    expect((await change({ valueType: ConfigurationValueType.STRING }, "value_type")).fields).toEqual([
      "configuration.value",
    ]);
  });

  test("is not lost by sending back what was read of it", async () => {
    const writer = server.as("plain");
    const read = await putSecret(writer);
    const { fields } = await refusal(
      writer.unary(method.updateConfiguration, { configuration: read, updateMask: { paths: ["value"] } }),
    );
    expect(fields).toEqual(["configuration.value_redacted"]);
    const configuration = { ...read, description: "told by its reader" };
    await writer.unary(method.updateConfiguration, { configuration, updateMask: { paths: ["description"] } });
    const seen = await server
      .as("keeper")
      .unary(method.getConfiguration, { key: { case: "id", value: read.id } });
    expect(shows(seen).secret).toBe(true);
  });

  test("is shown only once an audit says to whom", async () => {
    const secret = await putSecret(server.as("plain"));
    const auditor = server.as("auditor");
    await auditor.unary(method.getConfiguration, { key: { case: "id", value: secret.id } });
    const { securityAudits } = await auditor.unary(SecurityAuditService.method.listSecurityAudits, {
      filter: {
        actors: ["token:auditor"],
        operations: ["/holdfast.v1.ConfigurationService/GetConfiguration"],
      },
    });
    expect(securityAudits[0]).toMatchObject({
      target: secret.id,
      valid: true,
      byHoldfast: true,
    } satisfies Partial<SecurityAudit>);
  });

  test("leaves the others in the same answer as they are", async () => {
    const keeper = server.as("keeper");
    const labels = { group: randomUUID() };
    await putSecret(keeper, { labels });
    await putSecret(keeper, { labels, isSecret: false, value: payload("1") });
    const { configurations } = await server
      .as("plain")
      .unary(method.listConfigurations, { filter: { labels } });
    expect(configurations.map(({ valueRedacted, value }) => [valueRedacted, value !== undefined])).toEqual([
      [false, true],
      [true, false],
    ]);
  });

  test("is not shown to a caller without credentials, who may do all else", async () => {
    const { rpc } = newTenant(anonymous.app());
    const secret = await putSecret(rpc);
    expect(shows(secret)).toEqual({ secret: false, marker: true });
    for (const answer of await everywhere(rpc, secret)) expect(shows(answer).secret).toBe(false);
  });
});

test("every revision of a configuration names its actor, whoever reads it", async () => {
  const { id } = await putSecret(server.as("plain"));
  const configuration = { id, description: "by another" };
  await server
    .as("keeper")
    .unary(method.updateConfiguration, { configuration, updateMask: { paths: ["description"] } });
  const { revisions } = await server.as("reader").unary(method.listConfigurationRevisions, { id });
  expect(revisions.map((each) => each.configuration?.actor)).toEqual(["token:keeper", "token:plain"]);
  await expectSoundLog(server.databaseUrl, TENANT);
});
