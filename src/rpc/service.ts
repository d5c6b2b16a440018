import type { DescMethod, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { CallContext } from "./call-context.js";
import { isHeavy } from "./heavy-methods.js";
import type { EncodedMessage } from "./message-codec.js";

/** The function that serves one RPC; its shape follows from the kind of the method. */
export type MethodHandler<M extends DescMethod> = M["methodKind"] extends "unary"
  ? (request: MessageShape<M["input"]>, context: CallContext) => Promise<MessageInitShape<M["output"]>>
  : M["methodKind"] extends "server_streaming"
    ? (
        request: MessageShape<M["input"]>,
        context: CallContext,
      ) => AsyncIterable<MessageInitShape<M["output"]> | EncodedMessage>
    : M["methodKind"] extends "client_streaming"
      ? (
          requests: AsyncIterable<MessageShape<M["input"]>>,
          context: CallContext,
        ) => Promise<MessageInitShape<M["output"]>>
      : M["methodKind"] extends "bidi_streaming"
        ? (
            requests: AsyncIterable<MessageShape<M["input"]>>,
            context: CallContext,
          ) => AsyncIterable<MessageInitShape<M["output"]>>
        : never;

/** One handler for each RPC of a service; a forgotten one does not compile. */
export type ServiceHandlers<S extends DescService> = {
  readonly [K in keyof S["method"]]: MethodHandler<S["method"][K]>;
};

// biome-ignore lint/suspicious/noExplicitAny: the descriptor, not TypeScript, pairs a method with its message types at run time
type AnyHandler = (request: any, context: CallContext) => any;

/** One RPC, its types forgotten: `defineService` checked them. */
export interface RegisteredMethod {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly descriptor: DescMethod;
  readonly handle: AnyHandler;
  readonly authenticated: boolean;
  /** Whether its calls wait for others like them, see heavy-methods. */
  readonly isHeavy: boolean;
  /** Reads a request in place of the general decoder; @throws MALFORMED_MESSAGE */
  readonly decode: ((bytes: Uint8Array) => unknown) | undefined;
}

/** A service and its handlers, ready for `createRpcServer`. */
export interface RegisteredService {
  readonly descriptor: DescService;
  readonly methods: readonly RegisteredMethod[];
}

/**
 * Pairs a service with its handlers.
 *
 * A handler refuses by throwing a HoldfastError; anything else thrown is INTERNAL. A handler that streams
 * its answer is pulled one message at a time as the caller reads, and its iterator is closed when the call ends early.
 * It may give messages encoded: those are sent as they are, so they must hold no secrets.
 *
 * @param options.decoders read the requests of some methods, into what the method's handler takes for its message.
 * @param options.authenticated `false` serves callers without credentials too; only for what says nothing of any tenant.
 */
export function defineService<S extends DescService>(
  descriptor: S,
  handlers: ServiceHandlers<S>,
  options: {
    readonly authenticated?: boolean;
    readonly decoders?: Readonly<Partial<Record<keyof S["method"], (bytes: Uint8Array) => object>>>;
  } = {},
): RegisteredService {
  const methods = descriptor.methods.map((method): RegisteredMethod => {
    const handle: AnyHandler = handlers[method.localName as keyof S["method"]];
    return Object.freeze({
      path: methodPath(method),
      descriptor: method,
      handle: handle.bind(handlers),
      authenticated: options.authenticated ?? true,
      isHeavy: isHeavy(method),
      decode: options.decoders?.[method.localName as keyof S["method"]],
    });
  });
  return Object.freeze({ descriptor, methods: Object.freeze(methods) });
}

/** `/package.Service/Method` */
export function methodPath(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** Whether a method takes any number of requests. */
export function takesStream({ methodKind }: DescMethod): boolean {
  return methodKind === "client_streaming" || methodKind === "bidi_streaming";
}

/** Whether a method gives any number of answers. */
export function answersStream({ methodKind }: DescMethod): boolean {
  return methodKind === "server_streaming" || methodKind === "bidi_streaming";
}
