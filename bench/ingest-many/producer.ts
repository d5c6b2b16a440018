// A process that streams observations in for many tenants, each with its own connection, streams and sessions.
import { bytes, connect } from "@holdfast/client";
import { AGENT_ID, type Measurement, payloads } from "../ingest/workload.js";
import type { LogTenant } from "../support/log-writer.js";
import { type Recording, recordFor } from "../support/recording.js";
import { serveWorker } from "../support/worker.js";

export interface ManyWorkload {
  readonly tenants: readonly LogTenant[];
  readonly streamsOfEach: number;
  /** Observations each stream may have unacknowledged. */
  readonly outstanding: number;
}

const [address = "", workloadAsJson = "{}"] = process.argv.slice(2);
const { tenants, streamsOfEach, outstanding }: ManyWorkload = JSON.parse(workloadAsJson);
const data = payloads(1024).map((payload) => bytes(payload, "application/json"));
const clients = tenants.map(({ tenantId }) => connect({ address, tenantId }));
const recordings = tenants.flatMap(({ sessionIds }, tenant) =>
  Array.from({ length: streamsOfEach }, (_, stream): Recording => {
    const options = { agentId: AGENT_ID, clientName: "bench", maxBufferedRecords: 2 * outstanding };
    const own = sessionIds.filter((_, index) => index % streamsOfEach === stream);
    // biome-ignore lint/style/noNonNullAssertion: one client for each tenant
    return { recorder: clients[tenant]!.recorder(options), sessionIds: own };
  }),
);

serveWorker<{ seconds: number }, Measurement>(
  ({ seconds }) => recordFor(seconds, recordings, data),
  async () => {
    await Promise.all(clients.map((client) => client.close()));
  },
);
