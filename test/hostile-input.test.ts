import { randomUUID } from "node:crypto";
import { create, type DescMethod, type DescMethodUnary, toBinary } from "@bufbuild/protobuf";
import { type ServiceError, status } from "@grpc/grpc-js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Status } from "../gen/google/rpc/status_pb.js";
import { AdminService } from "../gen/holdfast/v1/admin_pb.js";
import { type AppendResponse, type AppendStreamResponse, EventService } from "../gen/holdfast/v1/event_pb.js";
import { SessionService } from "../gen/holdfast/v1/session_pb.js";
import { action, observation } from "./support/entries.js";
import { hostileMessages } from "./support/hostile-messages.js";
import { refusalFromStatus, refusalOf } from "./support/refusal.js";
import { newTenant, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const servers = useServers({});
const SEED = 4650;
const DEFECTS: readonly number[] = [status.INTERNAL, status.UNKNOWN];

const methods = [SessionService, EventService, AdminService].flatMap((service) => service.methods);

/** A tenant with something in it, and texts that mean something to it. */
async function prepare(): Promise<{ tenant: Tenant; texts: string[] }> {
  const tenant = newTenant(servers.app());
  const { id } = await tenant.open({ externalId: "known", agentId: "planner" });
  const actionId = randomUUID();
  await tenant.append(action({ id: actionId, sessionId: id }), observation({ sessionId: id }));
  const page = await tenant.rpc.unary(EventService.method.listEvents, { pageSize: 1 });
  const paths = [
    "type",
    "labels",
    "metadata",
    "success_rate",
    "goals_total",
    "external_id",
    "start_time",
    "*",
  ];
  const texts = [
    id,
    id.toUpperCase(),
    actionId,
    "known",
    "planner",
    page.nextPageToken,
    page.logId,
    ...paths,
  ];
  return { tenant, texts };
}

/** What went wrong by our fault, if anything: no refusal of ours may be INTERNAL, or come without details. */
function defectOf(outcome: unknown): string | undefined {
  const statuses: Status[] = [];
  try {
    if (outcome instanceof Error) {
      const error = outcome as ServiceError;
      if (DEFECTS.includes(error.code)) return error.message;
      const { reason, fields } = refusalOf(error);
      if (reason === "INVALID_FIELD" && fields.length === 0) return `${error.message}: names no field`;
    } else if ((outcome as AppendResponse | undefined)?.$typeName === "holdfast.v1.AppendResponse") {
      statuses.push(
        ...((outcome as AppendResponse).result?.rejections ?? []).map((each) => each.status as Status),
      );
    } else if (Array.isArray(outcome)) {
      for (const { response } of outcome as AppendStreamResponse[]) {
        if (response.case !== "batch") continue;
        const { outcome: batch } = response.value;
        if (batch.case === "error") statuses.push(batch.value);
        else statuses.push(...(batch.value?.rejections ?? []).map((each) => each.status as Status));
      }
    }
    for (const each of statuses) {
      if (DEFECTS.includes(refusalFromStatus(each).code)) return each.message;
    }
  } catch (error) {
    return `${error}`;
  }
  return undefined;
}

/** Calls a method with bytes, several times where it takes a stream, and gives what came of it. */
async function call(tenant: Tenant, method: DescMethod, messages: readonly Uint8Array[]): Promise<unknown> {
  const request = messages[0] ?? new Uint8Array();
  try {
    if (method.methodKind === "unary") return await tenant.rpc.unaryBytes(method as DescMethodUnary, request);
    if (method.methodKind === "server_streaming") {
      const answers = tenant.rpc.serverStreamBytes(method as never, request);
      await answers.next();
      answers.cancel();
      return undefined;
    }
    const stream = tenant.rpc.duplex(method as typeof EventService.method.appendStream);
    stream.write({ request: { case: "open", value: {} } });
    for (const message of messages) stream.writeBytes(message);
    stream.end();
    const answers = [];
    for (let answer = await stream.next(); answer; answer = await stream.next()) answers.push(answer);
    return answers;
  } catch (error) {
    return error;
  }
}

async function expectNoDefect(tenant: Tenant, method: DescMethod, cases: readonly (readonly Uint8Array[])[]) {
  const found = new Map<string, string>();
  let next = 0;
  const worker = async () => {
    for (let messages = cases[next++]; messages; messages = cases[next++]) {
      const defect = defectOf(await call(tenant, method, messages));
      const shape = defect?.replace(/[0-9a-f-]{36}/g, "…");
      if (shape !== undefined && !found.has(shape)) {
        found.set(shape, messages.map((bytes) => Buffer.from(bytes).toString("base64")).join(" "));
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  expect([...found].map(([defect, bytes]) => `${defect} <- ${bytes.slice(0, 2000)}`)).toEqual([]);
}

describe.each(methods.map((method) => [method.name, method] as const))("%s", (_, method) => {
  test("answers whatever its fields hold without a defect", async () => {
    const { tenant, texts } = await prepare();
    const message = hostileMessages(method.input, { texts }).map((init) =>
      toBinary(method.input, create(method.input, init)),
    );
    const count = method.methodKind === "bidi_streaming" ? 4 : 1;
    const several = fc.array(message, { minLength: count, maxLength: count });
    await expectNoDefect(tenant, method, fc.sample(several, { numRuns: 250, seed: SEED }));
    await tenant.listAll();
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });

  test("answers messages with bytes changed, lost or added without a defect", async () => {
    const { tenant, texts } = await prepare();
    const mangled = fc
      .tuple(
        hostileMessages(method.input, { texts }),
        fc.nat(),
        fc.nat(255),
        fc.constantFrom("set", "cut", "add"),
      )
      .map(([init, at, byte, how]) => {
        const bytes = Buffer.from(toBinary(method.input, create(method.input, init)));
        const index = at % (bytes.length + 1);
        if (how === "cut") return bytes.subarray(0, index);
        if (how === "add")
          return Buffer.concat([bytes.subarray(0, index), Buffer.of(byte), bytes.subarray(index)]);
        if (index < bytes.length) bytes[index] = byte;
        return bytes;
      })
      .map((bytes) => [bytes]);
    await expectNoDefect(tenant, method, fc.sample(mangled, { numRuns: 60, seed: SEED }));
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });
});
