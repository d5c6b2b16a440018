import { type RawBuilder, sql } from "kysely";
import { mapInTurns, type Turn } from "../core/in-turns.js";
import type { Row } from "../entities/columns.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import { commitColumns, recordFromRow } from "../entities/stored-record.js";
import { byteSize } from "./byte-size.js";
import type { Run, Statement } from "./database.js";
import type { FittingRecords } from "./fitting-records.js";
import { fittingRows, foundOf } from "./fitting-rows.js";
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
  /** Bytes of them at most, but for the first. */
  readonly maxBytes: number;
}

/** Patterns by what their confidence is worth, highest first, as many as there is room for. */
export async function rankPatterns(
  run: Run,
  codec: EntityCodec,
  ranking: PatternRanking,
  turn?: Turn,
): Promise<FittingRecords> {
  const rows = await run<Row>(rankStatement(codec, ranking));
  const records = await mapInTurns(rows, (row) => recordFromRow(codec, row), turn);
  return { records, hasMore: records.length < foundOf(rows) };
}

/** The statement of a ranking, for those who explain it. */
export function rankStatement(
  codec: EntityCodec,
  { tenantId, conditions, halfLifeSeconds, minEffective, nowSeconds, limit, maxBytes }: PatternRanking,
): Statement {
  const columns = [...codec.columns.map((column) => column.name), ...commitColumns(codec)];
  const rank = patternRank(halfLifeSeconds);
  const least = nowSeconds + halfLifeSeconds * Math.log2(minEffective);
  const ranked = queryBuilder
    .selectFrom(`holdfast.${codec.entity.table}`)
    .select(columns)
    .select(rank.as("rank"))
    .select(sql<number>`${sql.raw(byteSize(codec.columns))}`.as("size"))
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
  const { text, values = [] } = toStatement(ranked.compile());
  const order = "rank DESC, id DESC";
  const room = `$${values.length + 1}`;
  return { text: fittingRows({ rows: text, columns, order, room }), values: [...values, maxBytes] };
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
