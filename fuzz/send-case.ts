import { setTimeout as delay } from "node:timers/promises";
import type { DescMethod, DescMethodServerStreaming, DescMethodUnary } from "@bufbuild/protobuf";
import { EventService } from "../gen/holdfast/v1/event_pb.js";
import type { AnswerStream, RpcClient } from "../test/support/rpc-client.js";
import type { Case } from "./cases.js";

/** An answer takes milliseconds; one that takes this long never comes. */
const ANSWER_WITHIN_MS = 30_000;
/** How long a subscription that has nothing to say is listened to. */
const LISTEN_MS = 20;

/** What a call never answered stands as. */
export class NoAnswer extends Error {}

/** Calls a method with bytes and gives what came of it: an answer, several, or an error. */
export async function sendCase(rpc: RpcClient, method: DescMethod, messages: Case): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<NoAnswer>((resolve) => {
    const text = `expected an answer within ${ANSWER_WITHIN_MS} ms, got none`;
    timer = setTimeout(() => resolve(new NoAnswer(text)), ANSWER_WITHIN_MS);
  });
  const answer = send(rpc, method, messages).catch((error: unknown) => error);
  const outcome = await Promise.race([answer, late]);
  clearTimeout(timer);
  return outcome;
}

async function send(rpc: RpcClient, method: DescMethod, messages: Case): Promise<unknown> {
  const request = messages[0] ?? new Uint8Array();
  switch (method.methodKind) {
    case "unary":
      return rpc.unaryBytes(method as DescMethodUnary, request);
    case "server_streaming":
      return firstAnswer(rpc.serverStreamBytes(method as DescMethodServerStreaming, request));
    default: {
      const stream = rpc.duplex(method as typeof EventService.method.appendStream);
      if (method === EventService.method.appendStream) {
        stream.write({ request: { case: "open", value: {} } });
      }
      for (const message of messages) stream.writeBytes(message);
      stream.end();
      const answers: unknown[] = [];
      for (let answer = await stream.next(); answer; answer = await stream.next()) answers.push(answer);
      return answers;
    }
  }
}

async function firstAnswer(answers: AnswerStream<unknown>): Promise<unknown> {
  const first = answers.next();
  first.catch(() => undefined);
  const answer = await Promise.race([first, delay(LISTEN_MS)]);
  answers.cancel();
  return answer;
}
