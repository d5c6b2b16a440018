import { create, type DescMethod, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type UntypedHandleCall,
} from "@grpc/grpc-js";
import { Health } from "../../../../gen/grpc/health/v1/health_pb.js";
import { ActionSelectorService } from "../../../../gen/holdfast/v1/action_selector_pb.js";
import { AdminService } from "../../../../gen/holdfast/v1/admin_pb.js";
import { ConfigurationService } from "../../../../gen/holdfast/v1/configuration_pb.js";
import { EventService } from "../../../../gen/holdfast/v1/event_pb.js";
import { GoalService } from "../../../../gen/holdfast/v1/goal_pb.js";
import { SessionService } from "../../../../gen/holdfast/v1/session_pb.js";

/** Every method a test may script, by the name it has in the descriptors. */
const METHODS = {
  ...Health.method,
  ...ActionSelectorService.method,
  ...AdminService.method,
  ...ConfigurationService.method,
  ...EventService.method,
  ...GoalService.method,
  ...SessionService.method,
};

type Methods = typeof METHODS;
type Handler<M extends DescMethod> = M["methodKind"] extends "unary"
  ? handleUnaryCall<MessageShape<M["input"]>, MessageShape<M["output"]>>
  : M["methodKind"] extends "server_streaming"
    ? handleServerStreamingCall<MessageShape<M["input"]>, MessageShape<M["output"]>>
    : handleBidiStreamingCall<MessageShape<M["input"]>, MessageShape<M["output"]>>;

/** What a scripted server does: a plain grpc-js handler for each method it knows, the rest is UNIMPLEMENTED. */
export type Script = { readonly [K in keyof Methods]?: Handler<Methods[K]> };

/** A real gRPC server on a real port that does what a test says. */
export class ScriptedServer {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** Serves; on the given port to play a server that comes back. */
  static async start(script: Script, port = 0, credentials = ServerCredentials.createInsecure()) {
    const server = new Server({ "grpc.max_receive_message_length": 64 * 1024 * 1024 });
    for (const [name, handler] of Object.entries(script)) {
      const method: DescMethod = METHODS[name as keyof Methods];
      const path = `/${method.parent.typeName}/${method.name}`;
      server.register(
        path,
        handler as UntypedHandleCall,
        // Bytes go as they are: they need not be such a message.
        (message) =>
          message instanceof Buffer
            ? message
            : Buffer.from(toBinary(method.output, create(method.output, message as Record<string, unknown>))),
        (encoded) => fromBinary(method.input, encoded),
        {
          unary: "unary",
          server_streaming: "serverStream",
          client_streaming: "clientStream",
          bidi_streaming: "bidi",
        }[method.methodKind],
      );
    }
    const bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, credentials, (error, got) =>
        error ? reject(error) : resolve(got),
      );
    });
    return new ScriptedServer(server, bound);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** As a crash would: connections are cut. */
  kill(): void {
    this.#server.forceShutdown();
  }
}
