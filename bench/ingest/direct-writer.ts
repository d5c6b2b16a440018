// A process that writes the same rows by the server's own statement over one connection: what Postgres alone allows.
import { create } from "@bufbuild/protobuf";
import { createUuidV7Source } from "@holdfast/client";
import { pino } from "pino";
import { ObservationSchema } from "../../gen/holdfast/v1/observation_pb.js";
import { createCodecs } from "../../src/entities/codecs.js";
import type { FieldBag } from "../../src/entities/field-codec.js";
import { observation } from "../../src/entities/observation.js";
import { entities } from "../../src/entities/registry.js";
import { appendStatement, type PlacedRow } from "../../src/store/append.js";
import { openDatabase, type Run } from "../../src/store/database.js";
import { serveWorker } from "../support/worker.js";
import { AGENT_ID, type Measurement, OBSERVATION_TYPE, payloads, startMeasuring } from "./workload.js";

export interface DirectRequest {
  readonly seconds: number;
  readonly batch: number;
}

/** The next statement is made and sent while one is being executed, so that the connection is never idle. */
const IN_FLIGHT = 2;

const [url = "", tenantId = "", sessions = ""] = process.argv.slice(2);
const database = openDatabase(
  { url, maxConnections: 1, connectTimeoutMs: 5000, statementTimeoutMs: 30_000, preparedStatements: true },
  pino({ level: "warn" }),
);
const codec = createCodecs(entities).of(observation);
const idColumn = codec.columns.findIndex((column) => column.name === "id");
const newId = createUuidV7Source();
const rows = prepareRows(sessions.split(","));
const activeSessions = sessions.split(",");
let nextRow = 0;

serveWorker<DirectRequest, Measurement>(
  ({ seconds, batch }) =>
    database.withConnection(async (run) => {
      const end = performance.now() + seconds * 1000;
      const latenciesMs: number[] = [];
      let acknowledged = 0;
      const measured = startMeasuring();
      const write = async () => {
        while (performance.now() < end) {
          const at = performance.now();
          await writeBatch(run, batch);
          acknowledged += batch;
          latenciesMs.push(performance.now() - at);
        }
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, write));
      return measured(acknowledged, latenciesMs);
    }),
  () => database.close(),
);

async function writeBatch(run: Run, batch: number): Promise<void> {
  const placed = Array.from({ length: batch }, (_, offset) => {
    const { row, contentHash } = rows[nextRow++ % rows.length] as PlacedRow;
    // Encoded before the next statement is made, so the row can be used again.
    row[idColumn] = newId();
    return { offset, row, contentHash };
  });
  await run(
    appendStatement({
      tenantId,
      count: batch,
      contentHashes: placed.map(({ contentHash }) => contentHash),
      appended: new Map([[codec, placed]]),
      changed: new Map(),
      activeSessions,
    }),
  );
}

/** Validated, converted and hashed beforehand: only the id is new each time. */
function prepareRows(sessionIds: readonly string[]): readonly PlacedRow[] {
  return payloads(4096).map((data, i) => {
    const message = create(ObservationSchema, {
      id: newId(),
      sessionId: sessionIds[i % sessionIds.length] ?? "",
      agentId: AGENT_ID,
      type: OBSERVATION_TYPE,
      data: { data, contentType: "application/json" },
    });
    const row = codec.toRow(message as unknown as FieldBag, { path: "", list: [] });
    return { offset: 0, row, contentHash: codec.hash(row).sha256 };
  });
}
