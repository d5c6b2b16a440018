import { type RawBuilder, sql } from "kysely";
import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { commitColumns, recordFromRow } from "../entities/stored-record.js";
import type { Run, Statement } from "./database.js";
import { conditionText, type ListCondition } from "./list-query.js";
import { queryBuilder, toStatement } from "./query-builder.js";

export interface PatternRanking {
  readonly tenantId: string;
  readonly conditions: readonly ListCondition[];
  readonly halfLifeSeconds: number;
  /** What a confidence must still be worth at `nowSeconds`, since 1970. */
  readonly minEffective: number;
  readonly nowSeconds: number;
  readonly limit: number;
}

/** Patterns by what their confidence is worth, highest first. */
export async function rankPatterns(
  run: Run,
  codec: EntityCodec,
  ranking: PatternRanking,
): Promise<readonly FieldBag[]> {
  const rows = await run<Row>(rankStatement(codec, ranking));
  return rows.map((row) => recordFromRow(codec, row));
}

/** The statement of a ranking, for those who explain it. */
export function rankStatement(
  codec: EntityCodec,
  { tenantId, conditions, halfLifeSeconds, minEffective, nowSeconds, limit }: PatternRanking,
): Statement {
  const columns = [...codec.columns.map((column) => column.name), ...commitColumns(codec)];
  const rank = patternRank(halfLifeSeconds);
  const least = nowSeconds + halfLifeSeconds * Math.log2(minEffective);
  const query = queryBuilder
    .selectFrom(`holdfast.${codec.entity.table}`)
    .select(columns)
    .where("tenant_id", "=", tenantId)
    .where((where) => where.and(conditions.map(conditionText)))
    // One used in the future, by its caller's clock, is worth no more than its confidence.
    .$if(minEffective > 0, (some) =>
      some
        .where(sql<boolean>`${rank} >= ${least}::double precision`)
        .where(sql<boolean>`confidence >= ${minEffective}::double precision`),
    )
    .orderBy(sql`${rank} desc`)
    .orderBy("id", "desc")
    .limit(limit);
  return toStatement(query.compile());
}

/**
 * Orders patterns by confidence * 2 ^ -(age / half-life) whatever the time is:
 * its logarithm is this, divided by the half-life, less the present. So an
 * index can hold it; one does for the usual half-life, see 0006-learning.ts.
 */
function patternRank(halfLifeSeconds: number): RawBuilder<number> {
  return sql<number>`(
    date_part('epoch', coalesce(last_used_time, create_time) - timestamptz 'epoch')
    + ${sql.lit(halfLifeSeconds)}::double precision
    * case when confidence > 0 then ln(confidence) / ln(2::double precision) else '-infinity' end
  )`;
}
