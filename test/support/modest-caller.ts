import { parentPort, workerData } from "node:worker_threads";
import { EventService } from "../../gen/holdfast/v1/event_pb.js";
import { RpcClient } from "./rpc-client.js";

/** What the modest tenant is told to call. */
export interface ModestCaller {
  readonly grpc: { readonly host: string; readonly port: number };
  readonly http: string;
  readonly token: string;
}

/** How one round of calls went: milliseconds each, or the error that one met. */
export type ModestRound =
  | { readonly appendMs: number; readonly livezMs: number }
  | { readonly error: string };

/** Milliseconds between two rounds: few enough calls for anybody to serve. */
const PAUSE_MS = 10;

// In a thread of its own, so that what the test itself does is not taken for the server's delay.
const { grpc, http, token } = workerData as ModestCaller;
const client = new RpcClient(grpc, { token });
const port = parentPort;
if (!port) throw new Error("expected to run in a worker thread");

const timed = async (call: () => Promise<unknown>) => {
  const start = performance.now();
  await call();
  return performance.now() - start;
};
const append = () =>
  client.unary(
    EventService.method.append,
    { entries: [{ entry: { case: "observation", value: { type: "modest" } } }] },
    { deadline: Date.now() + 60_000 },
  );
const livez = async () => {
  const response = await fetch(`${http}/livez`, { signal: AbortSignal.timeout(60_000) });
  if (!response.ok) throw new Error(`livez answers ${response.status}`);
  await response.text();
};

async function round(): Promise<void> {
  let result: ModestRound;
  try {
    const [appendMs, livezMs] = await Promise.all([timed(append), timed(livez)]);
    result = { appendMs, livezMs };
  } catch (error) {
    result = { error: String(error) };
  }
  port?.postMessage(result);
  setTimeout(() => void round(), PAUSE_MS);
}
void round();
