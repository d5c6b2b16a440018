// A process that inserts one row at a time over one connection, waiting for each to be committed.
import { createHash } from "node:crypto";
import { createUuidV7Source } from "@holdfast/client";
import pg from "pg";
import { AGENT_ID, OBSERVATION_TYPE, payloads } from "../ingest/workload.js";
import { timeEach } from "../support/time-each.js";
import { serveWorker } from "../support/worker.js";

const [url = "", tenantId = "", sessionId = ""] = process.argv.slice(2);
const client = new pg.Client({ connectionString: url });
await client.connect();
const newId = createUuidV7Source();
const data = payloads(256).map((payload) => payload.toString());
const hash = createHash("sha256").digest();
let position = 0;

// The columns and indexes of observations, without its policies.
await client.query(
  "CREATE TABLE IF NOT EXISTS public.direct_observations (LIKE holdfast.observations INCLUDING ALL)",
);

const INSERT = {
  name: "insert",
  text: `INSERT INTO public.direct_observations
    (tenant_id, id, session_id, agent_id, labels, position, create_time, content_hash,
     type, content, data, data_content_type, feedback, metrics)
    VALUES ($1, $2, $3, $4, '{}', $5, clock_timestamp(), $6, $7, '', $8, 'application/json', '', '{}')`,
};

serveWorker<{ seconds: number }, readonly number[]>(
  ({ seconds }) =>
    timeEach(seconds, async (i) => {
      const values = [tenantId, newId(), sessionId, AGENT_ID, ++position, hash, OBSERVATION_TYPE];
      await client.query({ ...INSERT, values: [...values, data[i % data.length]] });
    }),
  () => client.end(),
);
