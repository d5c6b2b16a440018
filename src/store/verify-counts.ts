import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import type { Codecs } from "../entities/codecs.js";
import type { Connections, Run } from "./database.js";
import { readLogHead } from "./log-head.js";
import { readCounts } from "./read-statistics.js";

/** Positions counted in one statement. */
const WINDOW = 500_000n;

type Counted = [entity: string, created: bigint, deleted: bigint, changes: bigint];
type Counts = readonly [created: bigint, deleted: bigint, changes: bigint];

/** Counts one tenant's things again and compares with the counts its flushes kept; returns the first difference. */
export function verifyCounts(
  database: Connections,
  codecs: Codecs,
  tenantId: string,
): Promise<string | undefined> {
  return database.read(tenantId, async (run) => {
    const [head, kept] = await Promise.all([readLogHead(run, tenantId), readCounts(run, tenantId)]);
    const counted = new Map<string, Counts>();
    for (let after = 0n; after < head.position; after += WINDOW) {
      for (const [entity, ...counts] of await countWindow(run, codecs, tenantId, after)) {
        const [created, deleted, changes] = counted.get(entity) ?? [0n, 0n, 0n];
        counted.set(entity, [created + counts[0], deleted + counts[1], changes + counts[2]]);
      }
    }
    const keptByKind = new Map(kept.map(([kind, ...counts]) => [kind, counts]));
    for (const { entity } of codecs.all) {
      const expected = counted.get(entity.name) ?? [0n, 0n, 0n];
      const got = keptByKind.get(entity.kind) ?? [0n, 0n, 0n];
      keptByKind.delete(entity.kind);
      if (String(got) !== String(expected)) {
        return `${entity.table}: created, deleted and changed are counted as ${got}, and there are ${expected}`;
      }
    }
    const [unknown] = keptByKind.keys();
    return unknown === undefined
      ? undefined
      : `${EntityKind[unknown] ?? unknown}: counted and nowhere stored`;
  });
}

function countWindow(run: Run, codecs: Codecs, tenantId: string, after: bigint): Promise<Counted[]> {
  const within = "tenant_id = $1::uuid AND position > $2::bigint AND position <= $3::bigint";
  const appended = codecs.all.filter(({ entity }) => entity.nature === "append");
  const parts = [
    `SELECT entity, count(*) FILTER (WHERE change = 'CREATED'), count(*) FILTER (WHERE change = 'DELETED'), count(*)
FROM holdfast.revisions WHERE ${within} GROUP BY entity`,
    ...appended.map(
      ({ entity }) =>
        `SELECT '${entity.name}', count(*), count(withdraw_time), count(*) FROM holdfast.${entity.table} WHERE ${within}`,
    ),
  ];
  return run<Counted>({ text: parts.join("\nUNION ALL\n"), values: [tenantId, after, after + WINDOW] });
}
