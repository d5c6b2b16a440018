import { textFromMicros } from "../../core/time.js";
import type { EntityCodec } from "../../entities/entity-codec.js";
import { type Flush, putCalls } from "../append.js";
import { binaryArray } from "../binary-array.js";
import type { OwnerSession } from "../owner-session.js";
import { outsideColumns, setOutsideColumns } from "./outside-columns.js";
import type { AccessRow, CommitRow } from "./read-log.js";

/** What a log that was replayed ends with. */
export interface ReplayedEnd {
  readonly position: bigint;
  readonly hash: Uint8Array;
  readonly commitMicros: bigint;
  /** By the number of the entity's kind. */
  readonly counts: ReadonlyMap<number, readonly [created: number, deleted: number, changes: number]>;
}

/** Writes a log as it was elsewhere, within the session's transaction, as the role of the append path. */
export interface LogReplay {
  /**
   * Takes the tenant's log for this transaction.
   *
   * @returns whether there was none. If there was, `hashAt` tells how like it is.
   */
  begin(logId: string): Promise<boolean>;
  /** The hash of the tenant's log up to a position; undefined if no commit ends there. */
  hashAt(position: bigint): Promise<Uint8Array | undefined>;
  /** Writes what one commit wrote, at its positions and its time. */
  put(flush: Pick<Flush, "appended" | "changed">, commit: CommitRow): Promise<void>;
  /**
   * Notes of an appended row what was noted of it afterwards.
   *
   * @returns the columns there are none of here; then nothing was done.
   */
  setOutside(
    codec: EntityCodec,
    id: string,
    values: Readonly<Record<string, string>>,
  ): Promise<readonly string[]>;
  commits(commits: readonly CommitRow[]): Promise<void>;
  memoryAccess(rows: readonly AccessRow[]): Promise<void>;
  end(end: ReplayedEnd): Promise<void>;
}

export function createLogReplay({ run }: OwnerSession, tenantId: string): LogReplay {
  const columns = new Map<EntityCodec, readonly string[]>();
  return {
    async begin(logId) {
      await run("SET LOCAL ROLE holdfast_append");
      const rows = await run({
        text: `INSERT INTO holdfast.tenant_logs (tenant_id, log_id, position, hash)
VALUES ($1::uuid, $2::uuid, 0, '') ON CONFLICT DO NOTHING RETURNING 1`,
        values: [tenantId, logId],
      });
      return rows.length === 1;
    },
    async hashAt(position) {
      const [row] = await run<[Buffer]>({
        text: "SELECT hash FROM holdfast.commits WHERE tenant_id = $1::uuid AND position = $2::bigint",
        values: [tenantId, position],
      });
      return row?.[0];
    },
    async put(flush, { firstPosition, commitMicros }) {
      const values: unknown[] = [tenantId, firstPosition, textFromMicros(commitMicros)];
      const { calls } = putCalls(flush, values);
      const log = "SELECT $2::bigint AS first_position, $3::timestamptz AS commit_time";
      await run({ text: `WITH log AS MATERIALIZED (${log}) SELECT ${calls.join(", ")} FROM log`, values });
    },
    async setOutside(codec, id, values) {
      const known = columns.get(codec) ?? (await outsideColumns(run, codec));
      columns.set(codec, known);
      const unknown = Object.keys(values).filter((name) => !known.includes(name));
      if (unknown.length === 0) await setOutsideColumns(run, codec, tenantId, id, values);
      return unknown;
    },
    async commits(commits) {
      await run({
        text: `INSERT INTO holdfast.commits (tenant_id, position, first_position, commit_time, hash)
SELECT $1::uuid, * FROM unnest($2::bigint[], $3::bigint[], $4::timestamptz[], $5::bytea[])`,
        values: [
          tenantId,
          binaryArray(
            "bigint",
            commits.map((each) => each.position),
          ),
          binaryArray(
            "bigint",
            commits.map((each) => each.firstPosition),
          ),
          binaryArray(
            "timestamptz",
            commits.map((each) => each.commitMicros),
          ),
          binaryArray(
            "bytea",
            commits.map((each) => each.hash),
          ),
        ],
      });
    },
    async memoryAccess(rows) {
      await run({
        text: `INSERT INTO holdfast.memory_access (tenant_id, memory_id, access_time, access_count)
SELECT $1::uuid, * FROM unnest($2::uuid[], $3::timestamptz[], $4::bigint[])`,
        values: [
          tenantId,
          binaryArray(
            "uuid",
            rows.map((each) => each.memoryId),
          ),
          binaryArray(
            "timestamptz",
            rows.map((each) => each.accessMicros),
          ),
          binaryArray(
            "bigint",
            rows.map((each) => each.accessCount),
          ),
        ],
      });
    },
    async end({ position, hash, commitMicros, counts }) {
      const kinds = Array.from({ length: Math.max(0, ...counts.keys()) }, (_, i) => i + 1);
      const column = (i: 0 | 1 | 2) =>
        binaryArray(
          "bigint",
          kinds.map((kind) => BigInt(counts.get(kind)?.[i] ?? 0)),
        );
      await run({
        text: `UPDATE holdfast.tenant_logs SET position = $2::bigint, hash = $3::bytea, commit_time = $4::timestamptz,
  created_counts = $5::bigint[], deleted_counts = $6::bigint[], change_counts = $7::bigint[]
WHERE tenant_id = $1::uuid`,
        values: [tenantId, position, hash, textFromMicros(commitMicros), column(0), column(1), column(2)],
      });
    },
  };
}
