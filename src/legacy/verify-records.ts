import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { localName } from "../entities/local-name.js";
import { findRecords } from "../store/read-records.js";
import { readPasts } from "../store/read-revisions.js";
import { compareLeaves, type LeafCounts } from "./compare-leaves.js";
import type { ImportContext } from "./import-context.js";
import { countLeaves } from "./json-text.js";
import { type MappedRecord, mapRecord } from "./map-record.js";
import { differingFields } from "./same-fields.js";
import type { SourceRecord } from "./source-record.js";
import type { IdOf } from "./source-values.js";
import { variantNames } from "./write-variants.js";

const MAX_BATCH = 1000;
/** Differences named in a report; all are counted. */
const MAX_NAMED = 20;

/** What verification found, leaf by leaf. */
export interface VerificationTally extends LeafCounts {
  source: number;
  readonly examples: { readonly file: string; readonly path: string; readonly difference: string }[];
}

interface Expected {
  readonly source: SourceRecord;
  readonly mapped: MappedRecord;
  readonly codec: EntityCodec;
}

/** Reads what records became back from Postgres and compares every leaf with the source. */
export class RecordVerifier {
  readonly tally: VerificationTally = { source: 0, found: 0, differing: 0, missing: 0, examples: [] };
  readonly #context: ImportContext;
  readonly #idOf: IdOf;
  #batch: Expected[] = [];

  constructor(context: ImportContext, idOf: IdOf) {
    this.#context = context;
    this.#idOf = idOf;
  }

  async add(source: SourceRecord): Promise<void> {
    const codec = this.#context.codecs.of(source.kind.entity);
    this.#batch.push({ source, codec, mapped: mapRecord(source, this.#idOf) });
    if (this.#batch.length >= MAX_BATCH) await this.flush();
  }

  async flush(): Promise<void> {
    const batch = this.#batch;
    this.#batch = [];
    const current = await this.#read(batch.map(({ codec, mapped }) => [codec, mapped.id]));
    const others: Expected[] = [];
    for (const expected of batch) {
      const leaves = countLeaves(expected.source.text) - expected.source.addedLeaves;
      this.tally.source += leaves;
      const found = current.get(keyOf(expected.codec, expected.mapped.id));
      if (found && agrees(expected, found)) this.tally.found += leaves;
      else others.push(expected);
    }
    const pasts = await this.#pasts(others);
    for (const expected of others) this.#verifyPast(expected, current, pasts.get(expected) ?? []);
  }

  /** What is not the current content must be a past one, or a row beside it. */
  #verifyPast(expected: Expected, current: ReadonlyMap<string, FieldBag>, pasts: readonly FieldBag[]): void {
    const { codec, mapped, source } = expected;
    const leaves = countLeaves(source.text) - source.addedLeaves;
    if (pasts.some((past) => agrees(expected, past))) {
      this.tally.found += leaves;
      return;
    }
    const found = current.get(keyOf(codec, mapped.id)) ?? pasts[0];
    const counts = found
      ? compareLeaves(source, mapped, found)
      : { found: 0, differing: 0, missing: leaves, first: "nothing is stored for it" };
    const typed = found ? typedDifferences(expected, found) : [];
    // A field that says something else than its source is a difference, though the source is kept beside it.
    const differing = counts.differing + (counts.differing === 0 && counts.missing === 0 ? typed.length : 0);
    this.tally.found += Math.max(0, leaves - differing - counts.missing);
    this.tally.differing += differing;
    this.tally.missing += counts.missing;
    if (this.tally.examples.length < MAX_NAMED) {
      const difference = counts.first ?? `the fields ${typed.join(", ")} say something else`;
      this.tally.examples.push({ file: source.file, path: source.path, difference });
    }
  }

  /** What else is stored of records: what their things were before, or rows beside theirs. */
  async #pasts(records: readonly Expected[]): Promise<ReadonlyMap<Expected, readonly FieldBag[]>> {
    const { database, preparer, tenantId } = this.#context;
    const pasts = new Map<Expected, readonly FieldBag[]>();
    const variants = new Map<Expected, string>();
    for (const expected of records) {
      const { codec, mapped } = expected;
      if (codec.entity.nature !== "append") continue;
      const { contentHash } = preparer.append(codec, mapped.message, "");
      variants.set(expected, variantNames(mapped.id, mapped.sourceId, contentHash).id);
    }
    const beside = await this.#read([...variants].map(([{ codec }, id]) => [codec, id]));
    for (const [expected, id] of variants) {
      const found = beside.get(keyOf(expected.codec, id));
      if (found) pasts.set(expected, [found]);
    }
    const changing = records.filter(({ codec }) => codec.entity.nature === "state");
    await database.read(tenantId, async (run) => {
      for (const codec of new Set(changing.map((expected) => expected.codec))) {
        const own = changing.filter((expected) => expected.codec === codec);
        const ids = [...new Set(own.map(({ mapped }) => mapped.id))];
        const found = await readPasts(run, codec, tenantId, ids);
        for (const expected of own) pasts.set(expected, found.get(expected.mapped.id) ?? []);
      }
    });
    return pasts;
  }

  async #read(wanted: readonly (readonly [EntityCodec, string])[]): Promise<ReadonlyMap<string, FieldBag>> {
    const { database, tenantId } = this.#context;
    const ids = new Map<EntityCodec, Set<string>>();
    for (const [codec, id] of wanted) ids.set(codec, (ids.get(codec) ?? new Set()).add(id));
    const found = new Map<string, FieldBag>();
    await database.read(tenantId, async (run) => {
      const reads = [...ids].map(async ([codec, some]) => {
        for (const record of await findRecords(run, codec, tenantId, [...some])) {
          found.set(keyOf(codec, record.id as string), record);
        }
      });
      await Promise.all(reads);
    });
    return found;
  }
}

function keyOf(codec: EntityCodec, id: string): string {
  return `${codec.entity.table} ${id}`;
}

function agrees(expected: Expected, found: FieldBag): boolean {
  const { differing, missing } = compareLeaves(expected.source, expected.mapped, found);
  return differing === 0 && missing === 0 && typedDifferences(expected, found).length === 0;
}

/** Fields that do not say what the record does. Where a thing is in its life is its own: it only moves forward. */
function typedDifferences({ codec, mapped }: Expected, found: FieldBag): readonly string[] {
  const { lifecycle } = codec.entity;
  const status = lifecycle && localName(codec.entity, lifecycle.field);
  // A name somebody else had is another; a session that had ended or was never there is in a label.
  const free = new Set([status, "key", "sessionId"]);
  return differingFields(
    codec.entity,
    mapped.message,
    found,
    // Payloads were compared leaf by leaf.
    mapped.given.filter((name) => !free.has(name) && !isPayload(mapped.message[name])),
  );
}

function isPayload(value: unknown): boolean {
  return (value as { readonly $typeName?: string } | undefined)?.$typeName === "holdfast.v1.Payload";
}
