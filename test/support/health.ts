import { setTimeout as delay } from "node:timers/promises";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.js";
import type { App } from "../../src/app.js";
import { RpcClient } from "./rpc-client.js";

/** What an app says of itself, to balancers over gRPC and to operators over HTTP. */
export interface HealthReading {
  readonly grpc: string;
  readonly readyz: number;
}

export async function readHealth(app: App): Promise<HealthReading> {
  const rpc = new RpcClient(app.grpc);
  try {
    const [{ status }, { status: readyz }] = await Promise.all([
      rpc.unary(Health.method.check, {}),
      fetch(`http://${app.http.host}:${app.http.port}/readyz`),
    ]);
    return { grpc: Status[status], readyz };
  } finally {
    rpc.close();
  }
}

/** What never comes takes that long; on a machine that is busy with other things all else comes in seconds. */
const NEVER_MS = 60_000;

/** Waits until both say so. */
export async function untilHealth(app: App, grpc: "SERVING" | "NOT_SERVING"): Promise<void> {
  const deadline = performance.now() + NEVER_MS;
  const wanted = JSON.stringify({ grpc, readyz: grpc === "SERVING" ? 200 : 503 });
  for (;;) {
    const reading = JSON.stringify(await readHealth(app));
    if (reading === wanted) return;
    if (performance.now() > deadline) throw new Error(`still ${reading}`);
    await delay(20);
  }
}
