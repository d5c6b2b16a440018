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
import { AGENT_ID, OBSERVATION_TYPE, payloads } from "../ingest/workload.js";

/** A tenant and its open sessions. */
export interface LogTenant {
  readonly tenantId: string;
  readonly sessionIds: readonly string[];
}

/** Writes observations by the server's own statement, so that what it leaves is what the server would have left. */
export interface LogWriter {
  /**
   * One batch of one tenant, in a transaction of its own.
   *
   * @param isExact whether each row is hashed with its new id, so that `verify` finds nothing. What only measures
   *   Postgres has the hashes made beforehand.
   */
  write(run: Run, tenant: number, batch: number, isExact: boolean): Promise<void>;
  /** A connection to oneself. */
  withConnection<T>(use: (run: Run) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Different rows, used in turn with a new id each time. */
const ROWS = 2048;

export function openLogWriter(url: string, tenants: readonly LogTenant[], connections: number): LogWriter {
  const database = openDatabase(
    {
      url,
      maxConnections: connections,
      connectTimeoutMs: 5000,
      statementTimeoutMs: 60_000,
      preparedStatements: true,
    },
    pino({ level: "warn" }),
  );
  const codec = createCodecs(entities).of(observation);
  const idColumn = codec.columns.findIndex((column) => column.name === "id");
  const newId = createUuidV7Source();
  const prepared = tenants.map(({ sessionIds }) =>
    preparedRows(Math.ceil(ROWS / tenants.length), sessionIds),
  );
  const next = tenants.map(() => 0);

  // Validated, converted and hashed beforehand: only the id is new each time.
  function preparedRows(count: number, sessionIds: readonly string[]): readonly PlacedRow[] {
    return payloads(count).map((data, i) => {
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

  return {
    async write(run, tenant, batch, isExact) {
      const rows = prepared[tenant] ?? [];
      const { tenantId, sessionIds } = tenants[tenant] as LogTenant;
      const placed = Array.from({ length: batch }, (_, offset) => {
        const from = rows[(next[tenant] ?? 0) % rows.length] as PlacedRow;
        next[tenant] = (next[tenant] ?? 0) + 1;
        const row = [...from.row];
        row[idColumn] = newId();
        return { offset, row, contentHash: isExact ? codec.hash(row).sha256 : from.contentHash };
      });
      await run(
        appendStatement({
          tenantId,
          count: batch,
          contentHashes: placed.map(({ contentHash }) => contentHash),
          appended: new Map([[codec, placed]]),
          changed: new Map(),
          activeSessions: sessionIds,
        }),
      );
    },
    withConnection: database.withConnection,
    close: () => database.close(),
  };
}
