import { uuidV5 } from "../core/uuid.js";
import type { Database } from "../store/database.js";
import { readBatchNumbers, readImportBatch, readImports } from "../store/imports.js";
import type { IdOf } from "./source-values.js";

/** A UUID of our own: ids made from those of older agents lie within it. Never change it. */
const NAMESPACE = "b4f0f0a2-1d8e-4c57-9a34-6e1f2a7c5d90";

/** Where a rollback notes what it removed: as a batch of an import of this id. */
export function rollbackId(importId: string): string {
  return uuidV5(importId, "rollback");
}

/**
 * How ids are made for a tenant: the same in every run. What a rollback removed
 * keeps its id in the log, so the same record imported again gets the next one.
 */
export async function sourceIds(database: Database, tenantId: string): Promise<IdOf> {
  const removed = new Set<string>();
  await database.read(tenantId, async (run) => {
    for (const { id, status } of await readImports(run, tenantId)) {
      if (status !== "ROLLED_BACK") continue;
      const batches = rollbackId(id);
      for (const number of await readBatchNumbers(run, tenantId, batches)) {
        for (const [, thing] of await readImportBatch(run, tenantId, batches, number)) removed.add(thing);
      }
    }
  });
  const known = new Map<string, string>();
  return (kind, sourceId) => {
    const name = `${kind}:${sourceId}`;
    const cached = known.get(name);
    if (cached !== undefined) return cached;
    let id = uuidV5(NAMESPACE, name);
    for (let generation = 1; removed.has(id); generation += 1)
      id = uuidV5(NAMESPACE, `${name}\0${generation}`);
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(name, id);
    return id;
  };
}

/** Ids held so as not to be made again: many records link to the same few. */
const MAX_KNOWN = 20_000;
