import { readdirSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import type { HeadLine, LeaseLine, LedgerLine } from "../ledger/ledger-line.js";
import { readLines } from "../ledger/read-lines.js";
import { Written } from "../ledger/written.js";
import type { Violation } from "./guarantee.js";
import { type Histories, historiesOf, type LostLog } from "./histories.js";
import { readStoredLog, type StoredLog } from "./stored-log.js";

export type Seen = Violation & { readonly t: number };

/** Everything the validators judge by: what clients wrote down, and what the database holds. */
export interface Evidence {
  readonly written: Written;
  readonly logs: ReadonlyMap<string, StoredLog>;
  /** The same, and what primaries before the last one had that was lost. By tenant. */
  readonly histories: ReadonlyMap<string, Histories>;
  readonly heads: readonly HeadLine[];
  readonly leases: readonly LeaseLine[];
  /** What a client or server noticed itself, and when. */
  readonly seen: readonly Seen[];
  readonly reads: ReadonlyMap<string, number>;
  /** How often each failpoint fired. */
  readonly fired: ReadonlyMap<string, number>;
  /** The subscriptions' lines, file by file: too many to hold. */
  readonly files: readonly string[];
  /** A superuser's connection. */
  readonly client: pg.Client;
  readonly databaseUrl: string;
  close(): Promise<void>;
}

export type ServerLine = { readonly k: "fired"; readonly point: string; readonly t: number };

/** A primary that had what no standby received: where it can be asked, and when servers wrote to it for the last time. */
export interface LostPrimary {
  readonly url: string;
  readonly since: number;
  readonly until: number;
}

/** @param lost in their order. */
export async function gatherEvidence(
  directory: string,
  databaseUrl: string,
  lost: readonly LostPrimary[] = [],
): Promise<Evidence> {
  const files = readdirSync(directory)
    .filter((name) => /^(client|server)-\d+\.jsonl$/.test(name))
    .map((name) => join(directory, name));
  const written = new Written();
  const heads: HeadLine[] = [];
  const leases: LeaseLine[] = [];
  const seen: Seen[] = [];
  const reads = new Map<string, number>();
  const fired = new Map<string, number>();
  const add = (counts: Map<string, number>, what: string, n: number) =>
    counts.set(what, (counts.get(what) ?? 0) + n);
  for (const file of files) {
    for await (const line of readLines<LedgerLine | ServerLine>(file)) {
      if (line.k === "fired") add(fired, line.point, 1);
      else if (line.k === "head") heads.push(line);
      else if (line.k === "lease") leases.push(line);
      else if (line.k === "saw") seen.push({ guarantee: line.guarantee, text: line.text, t: line.t });
      else if (line.k === "reads") add(reads, line.what, line.n);
      else written.take(line);
    }
  }
  const client = await connectTo(databaseUrl);
  const logs = new Map<string, StoredLog>();
  const tenants = new Set([...written.lanes.values()].map((lane) => lane.line.tenant));
  for (const tenant of tenants) logs.set(tenant, await readStoredLog(client, tenant));
  const histories = await readHistories(logs, lost);
  const close = () => client.end();
  return { written, logs, histories, heads, leases, seen, reads, fired, files, client, databaseUrl, close };
}

async function readHistories(
  logs: ReadonlyMap<string, StoredLog>,
  primaries: readonly LostPrimary[],
): Promise<Map<string, Histories>> {
  const lost = new Map<string, LostLog[]>([...logs.keys()].map((tenant) => [tenant, []]));
  for (const { url, since, until } of primaries) {
    const client = await connectTo(url);
    try {
      for (const [tenant, before] of lost)
        before.push({ since, until, log: await readStoredLog(client, tenant) });
    } finally {
      await client.end();
    }
  }
  return new Map([...logs].map(([tenant, log]) => [tenant, historiesOf(log, lost.get(tenant) ?? [])]));
}

async function connectTo(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  // The statement that was running reports the loss; an error nobody listens to would also end the process.
  client.on("error", () => {});
  await client.connect();
  return client;
}
