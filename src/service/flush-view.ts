import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import type { FlushView } from "./entity-rules.js";
import { type FlushFacts, factKey } from "./flush-facts.js";

/**
 * Things of one entity as a flush sees them.
 *
 * @param working what the entries placed so far have made of them, by `factKey`; read as it is at each call.
 */
export function createFlushView(
  codec: EntityCodec,
  { current, loaded }: FlushFacts,
  working: ReadonlyMap<string, FieldBag>,
): FlushView {
  const prefix = factKey(codec, "");
  return {
    loaded: loaded.get(codec.entity.table),
    find: (id) => working.get(factKey(codec, id)) ?? current.get(factKey(codec, id)),
    *all() {
      for (const [key, record] of working) if (key.startsWith(prefix)) yield record;
      for (const [key, record] of current) if (key.startsWith(prefix) && !working.has(key)) yield record;
    },
  };
}
