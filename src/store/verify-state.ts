import type { Codecs } from "../entities/codecs.js";
import type { EntityDeclaration } from "../entities/declaration.js";
import type { Connections, Statement } from "./database.js";
import { stateJson } from "./routines/state-routines.js";

/** Rows compared in one statement. */
const PAGE_ROWS = 1000;

export interface StateReport {
  readonly rows: number;
  readonly difference: string | undefined;
}

type Comparison = [id: string, finding: string | null];

/** Compares every row of current state of one tenant with what its revisions say it must be. */
export async function verifyState(
  database: Connections,
  codecs: Codecs,
  tenantId: string,
): Promise<StateReport> {
  let rows = 0;
  for (const { entity } of codecs.all.filter((codec) => codec.entity.nature === "state")) {
    let after: string | null | undefined = null;
    while (after !== undefined) {
      const from: string | null = after;
      const page: Comparison[] = await database.read(tenantId, (run) =>
        run<Comparison>(comparePage(entity, tenantId, from)),
      );
      const found = page.find(([, finding]) => finding !== null);
      if (found) return { rows, difference: `${entity.name} ${found[0]}: ${found[1]}` };
      rows += page.length;
      after = page.length < PAGE_ROWS ? undefined : page.at(-1)?.[0];
    }
  }
  return { rows, difference: undefined };
}

// The state of a revision was made by the same select list from the same
// values, so a row that agrees with it gives the same text.
function comparePage(entity: EntityDeclaration, tenantId: string, after: string | null): Statement {
  const { table, name } = entity;
  return {
    text: `
WITH ids AS (
  (SELECT id FROM holdfast.${table} WHERE tenant_id = $1::uuid AND ($2::uuid IS NULL OR id > $2::uuid) ORDER BY id LIMIT $3)
  UNION
  (SELECT DISTINCT entity_id FROM holdfast.revisions
   WHERE tenant_id = $1::uuid AND entity = $4 AND ($2::uuid IS NULL OR entity_id > $2::uuid) ORDER BY entity_id LIMIT $3)
  ORDER BY id LIMIT $3
)
SELECT ids.id,
  CASE
    WHEN last.revision IS NULL THEN 'it stands in ${table} and the log never made it'
    WHEN last.revisions <> last.revision THEN 'of its ' || last.revision || ' revisions ' || last.revisions || ' are there'
    WHEN current.state IS NULL THEN 'the log made it and it is missing from ${table}'
    WHEN current.state <> last.state THEN 'its row in ${table} differs from its last revision, ' || last.revision
  END
FROM ids
LEFT JOIN LATERAL (
  SELECT r.revision, r.state::text AS state, count(*) OVER () AS revisions
  FROM holdfast.revisions r
  WHERE r.tenant_id = $1::uuid AND r.entity = $4 AND r.entity_id = ids.id
  ORDER BY r.revision DESC LIMIT 1
) AS last ON true
LEFT JOIN LATERAL (
  SELECT (${stateJson(entity, "t")})::text AS state
  FROM holdfast.${table} t WHERE t.tenant_id = $1::uuid AND t.id = ids.id
) AS current ON true
ORDER BY ids.id`,
    values: [tenantId, after, PAGE_ROWS, name],
  };
}
