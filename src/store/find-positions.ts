import type { EntityCodec } from "../entities/entity-codec.js";
import type { Run } from "./database.js";
import type { ListCondition, ListRange } from "./list-query.js";
import { lastPositionSql } from "./position-search.js";

/**
 * Where in the log the times begin or end that a list of appended rows is
 * bounded by, as further conditions. Their time is that of their commit, which
 * never decreases with position: so the log's own index finds them, and no row
 * streamed in pays for another.
 */
export async function findPositions(
  run: Run,
  codec: EntityCodec,
  { tenantId, conditions }: Pick<ListRange, "tenantId" | "conditions">,
): Promise<readonly ListCondition[]> {
  if (codec.entity.nature !== "append") return [];
  const times = conditions.flatMap((condition) =>
    (condition.kind === "from" || condition.kind === "before") && condition.column === "create_time"
      ? [condition]
      : [],
  );
  return Promise.all(
    times.map(async ({ kind, micros }): Promise<ListCondition> => {
      const [[position] = [0n]] = await run<[position: bigint]>({
        name: "position before time",
        text: lastPositionSql(
          "$1::uuid",
          "coalesce((SELECT position FROM holdfast.tenant_logs WHERE tenant_id = $1::uuid), 0)",
          "c.commit_time < 'epoch'::timestamptz + $2::bigint * interval '1 microsecond'",
        ),
        values: [tenantId, micros],
      });
      return { kind: kind === "from" ? "after position" : "up to position", position };
    }),
  );
}
