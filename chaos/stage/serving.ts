import { setTimeout as delay } from "node:timers/promises";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.js";
import { RpcClient } from "../../test/support/rpc-client.js";
import { monotonicMs } from "../clock.js";
import type { Stage } from "./stage.js";
import { untilTrue } from "./until-true.js";

const POLL_MS = 10;
const SERVING_TIMEOUT_MS = 60_000;

/** To be called when a standby was promoted: how long, in ms, each server takes from now on until it serves from it. */
export async function untilServing(stage: Stage): Promise<number[]> {
  const since = monotonicMs();
  const { primary } = stage.postgres;
  const [[promotedAt]] = (await primary.query("SELECT clock_timestamp()::text")) as [[string]];
  // A server may say SERVING still because it has not noticed anything yet.
  const haveWritten =
    `SELECT count(*) >= ${stage.servers.length} FROM holdfast.servers ` +
    `WHERE heartbeat_time > '${promotedAt}'::timestamptz`;
  const moved = untilTrue(() => primary.query(haveWritten), "the servers did not go to the new primary");
  const times = stage.servers.map(async ({ port }) => {
    await moved;
    while (!(await isServing(port))) {
      if (monotonicMs() - since > SERVING_TIMEOUT_MS)
        throw new Error("a server did not serve after a promotion");
      await delay(POLL_MS);
    }
    return monotonicMs() - since;
  });
  return Promise.all(times);
}

async function isServing(port: number): Promise<boolean> {
  const rpc = new RpcClient({ host: "127.0.0.1", port });
  try {
    return (await rpc.unary(Health.method.check, {})).status === Status.SERVING;
  } catch {
    return false; // it is being started again
  } finally {
    rpc.close();
  }
}
