import type { EntityCodec } from "../entities/entity-codec.js";
import { binaryArray } from "./binary-array.js";
import type { Run } from "./database.js";
import type { ListCondition, ListRange } from "./list-query.js";

/**
 * Which rows have these labels or tags, where they are rare, as further
 * conditions by id; nothing where walking the list, which goes by these columns, finds them soon.
 */
export async function findContaining(
  run: Run,
  codec: EntityCodec,
  { conditions }: Pick<ListRange, "conditions">,
  order: readonly string[],
): Promise<readonly ListCondition[]> {
  const answers = await Promise.all(
    conditions
      .filter((condition) => condition.kind === "contains")
      .map(({ column, json }) =>
        run<[ids: string[] | null]>({
          name: "containing",
          text: "SELECT holdfast.ids_containing($1::text, $2::text, $3::jsonb, $4::text[])",
          values: [codec.entity.table, column, json, binaryArray("text", order)],
        }),
      ),
  );
  return answers.flatMap(([[ids] = [null]]) =>
    ids ? [{ kind: "any", column: "id", type: "uuid", values: ids }] : [],
  );
}
