import type pg from "pg";
import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import { contentOf, parseToken } from "../ledger/token.js";

/** Positions read at a time. */
const WINDOW = 20_000;

/** What the database holds of one tenant, by position: some bytes each, so that there may be millions. */
export interface StoredLog {
  readonly tenant: string;
  readonly end: number;
  /** Ids as the events have them, 16 bytes each. */
  readonly ids: Buffer;
  /** Of `EntityKind`; 0 where nothing is stored. */
  readonly kinds: Uint8Array;
  /** The lane that wrote it, -1 for none. */
  readonly lanes: Int32Array;
  /** Its number there. */
  readonly numbers: Float64Array;
  /** Positions of observations whose content is not what was written. */
  readonly damaged: readonly number[];
  /** Positions that hold more than one thing. */
  readonly doubled: readonly number[];
  /** Position and hash, in hex, of each commit. */
  readonly commits: ReadonlyMap<number, string>;
}

type Row = [position: string, id: string, token: string, kind: string, content: string | null];

/** Reads all of it, past row security. */
export async function readStoredLog(client: pg.Client, tenant: string): Promise<StoredLog> {
  const { rows } = await client.query("SELECT position FROM holdfast.tenant_logs WHERE tenant_id = $1", [
    tenant,
  ]);
  const end = Number(rows[0]?.position ?? 0);
  const log = {
    tenant,
    end,
    ids: Buffer.alloc(16 * (end + 1)),
    kinds: new Uint8Array(end + 1),
    lanes: new Int32Array(end + 1).fill(-1),
    numbers: new Float64Array(end + 1),
    damaged: [] as number[],
    doubled: [] as number[],
    commits: new Map<number, string>(),
  };
  for (let after = 0; after < end; after += WINDOW) {
    const values = [tenant, after, Math.min(end, after + WINDOW)];
    const page = await client.query<Row>({ text: READ, values, rowMode: "array" });
    for (const row of page.rows) place(log, row);
    const commits = await client.query<[string, string]>({ text: COMMITS, values, rowMode: "array" });
    for (const [position, hash] of commits.rows) log.commits.set(Number(position), hash);
  }
  return log;
}

const COMMITS = `SELECT position, encode(hash, 'hex') FROM holdfast.commits
WHERE tenant_id = $1 AND position > $2 AND position <= $3`;

const APPENDED = ["performance_metric", "decision", "security_audit"] as const;
const WITHIN = "WHERE tenant_id = $1 AND position > $2 AND position <= $3";
const READ = [
  `SELECT position, id::text, id::text, 'observation', content FROM holdfast.observations ${WITHIN}`,
  `SELECT position, entity_id::text, request_id::text, entity, NULL FROM holdfast.revisions ${WITHIN}`,
  ...APPENDED.map(
    (name) => `SELECT position, id::text, id::text, '${name}', NULL FROM holdfast.${name}s ${WITHIN}`,
  ),
].join("\nUNION ALL\n");

type Writable = StoredLog & { readonly damaged: number[]; readonly doubled: number[] };

function place(log: Writable, [at, id, tokenId, kind, content]: Row): void {
  const position = Number(at);
  if (log.kinds[position] !== 0) log.doubled.push(position);
  log.kinds[position] = EntityKind[kind.toUpperCase() as keyof typeof EntityKind];
  log.ids.write(id.replaceAll("-", ""), 16 * position, "hex");
  const token = parseToken(tokenId);
  if (!token) return;
  log.lanes[position] = token.lane;
  log.numbers[position] = token.n;
  if (content !== null && content !== contentOf(token)) log.damaged.push(position);
}

/** The id at a position, as text. */
export function idAt(log: StoredLog, position: number): string {
  const hex = log.ids.toString("hex", 16 * position, 16 * position + 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
