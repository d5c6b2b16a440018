import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { credentials as clientCredentials, Metadata, ServerCredentials } from "@grpc/grpc-js";
import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, onTestFinished, test } from "vitest";
import {
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { SessionService } from "../../gen/holdfast/v1/session_pb.js";
import { anonymousAuthenticator } from "./anonymous-authenticator.js";
import { createRpcServer } from "./server.js";
import { defineService } from "./service.js";
import { EchoClient } from "./testing/echo-client.js";
import { TEST_SETTINGS } from "./testing/echo-server.js";

/** A server of SessionService that opens whatever it is asked to. */
async function startSessionServer(): Promise<string> {
  const unused = async () => ({});
  const service = defineService(SessionService, {
    openSession: async ({ session }) => (session ? { session: { ...session, position: 7n } } : {}),
    getSession: unused,
    listSessions: unused,
    updateSession: unused,
    closeSession: unused,
    deleteSession: unused,
    forkSession: unused,
    listSessionRevisions: unused,
  });
  const server = createRpcServer({
    services: [service],
    authenticate: anonymousAuthenticator(),
    logger: pino({ level: "silent" }),
    metrics: new Registry(),
    settings: TEST_SETTINGS,
  });
  onTestFinished(() => server.close());
  const credentials = ServerCredentials.createInsecure();
  const { host, port } = await server.listen({ host: "127.0.0.1", port: 0, credentials });
  return `${host}:${port}`;
}

async function bufCurl(args: readonly string[]): Promise<string> {
  const buf = createRequire(import.meta.url).resolve("@bufbuild/buf/bin/buf");
  const child = spawn(
    process.execPath,
    [buf, "curl", "--protocol", "grpc", "--http2-prior-knowledge", ...args],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const [out, problems] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (problems) throw new Error(problems);
  return out;
}

test.each(["grpc-v1", "grpc-v1alpha"])(
  "buf curl calls a method it learns of by reflection %s",
  async (protocol) => {
    const address = await startSessionServer();
    const url = `http://${address}/holdfast.v1.SessionService/OpenSession`;
    const data = JSON.stringify({ session: { externalId: "run 1", metadata: { data: "e30=" } } });
    const answer = await bufCurl(["--reflect-protocol", protocol, "--data", data, url]);
    expect(JSON.parse(answer)).toEqual({
      session: { externalId: "run 1", metadata: { data: "e30=" }, position: "7" },
    });
  },
);

test("buf curl lists the methods", async () => {
  const address = await startSessionServer();
  const methods = await bufCurl(["--list-methods", `http://${address}`]);
  expect(methods).toContain("holdfast.v1.SessionService/OpenSession");
  expect(methods).toContain("grpc.health.v1.Health/Check");
});

test("a file comes with everything it imports, found by name and by any symbol in it", async () => {
  const address = await startSessionServer();
  const client = new EchoClient(address, clientCredentials.createInsecure());
  onTestFinished(() => client.close());
  const call = client.makeBidiStreamRequest(
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    (request: Parameters<typeof create<typeof ServerReflectionRequestSchema>>[1]) =>
      Buffer.from(toBinary(ServerReflectionRequestSchema, create(ServerReflectionRequestSchema, request))),
    (bytes: Buffer) => fromBinary(ServerReflectionResponseSchema, bytes),
    new Metadata(),
  );
  const answers = call[Symbol.asyncIterator]() as AsyncIterator<ServerReflectionResponse>;
  async function filesFor(messageRequest: {
    case: "fileByFilename" | "fileContainingSymbol";
    value: string;
  }): Promise<string[] | number> {
    call.write({ messageRequest });
    const { value } = await answers.next();
    const { messageResponse } = value as ServerReflectionResponse;
    if (messageResponse.case === "errorResponse") return messageResponse.value.errorCode;
    if (messageResponse.case !== "fileDescriptorResponse") throw new Error("expected files");
    return messageResponse.value.fileDescriptorProto.map(
      (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
    );
  }
  const expected = [
    "holdfast/v1/session.proto",
    "google/protobuf/field_mask.proto",
    "google/protobuf/timestamp.proto",
    "holdfast/v1/log.proto",
    "holdfast/v1/payload.proto",
    "google/rpc/status.proto",
    "google/protobuf/any.proto",
  ];
  expect(await filesFor({ case: "fileByFilename", value: "holdfast/v1/session.proto" })).toEqual(expected);
  for (const symbol of [
    "holdfast.v1.SessionService",
    "holdfast.v1.SessionService.OpenSession",
    "holdfast.v1.Session",
    "holdfast.v1.Session.external_id",
    "holdfast.v1.GetSessionRequest.key",
    "holdfast.v1.SESSION_STATUS_ACTIVE",
  ]) {
    expect(await filesFor({ case: "fileContainingSymbol", value: symbol }), symbol).toEqual(expected);
  }
  expect(await filesFor({ case: "fileContainingSymbol", value: "holdfast.v1.Nothing" })).toBe(5);
  expect(await filesFor({ case: "fileByFilename", value: "no.proto" })).toBe(5);
  call.end();
});
