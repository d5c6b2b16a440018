import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { localName } from "../entities/local-name.js";
import type { Run } from "../store/database.js";
import { findFields } from "../store/read-records.js";
import { readPasts } from "../store/read-revisions.js";
import { compareLeaves, type LeafCounts } from "./compare-leaves.js";
import type { ImportContext } from "./import-context.js";
import { countLeaves } from "./json-text.js";
import type { MappedRecord } from "./map-record.js";
import { differingFields } from "./same-fields.js";
import type { SourceRecord } from "./source-record.js";
import { variantNames } from "./write-variants.js";

/** Differences named in a report; all are counted. */
const MAX_NAMED = 20;

/** What verification found, leaf by leaf. */
export interface VerificationTally extends LeafCounts {
  source: number;
  found: number;
  readonly examples: { readonly file: string; readonly path: string; readonly difference: string }[];
}

/** A record and what is to be found of it. */
export interface ExpectedRecord {
  readonly source: SourceRecord;
  readonly mapped: MappedRecord;
  readonly codec: EntityCodec;
}

/** Reads what records became back from Postgres and compares every leaf with the source. */
export class RecordVerifier {
  readonly tally: VerificationTally = { source: 0, found: 0, differing: 0, missing: 0, examples: [] };
  readonly #context: ImportContext;
  readonly #differing = new Set<string>();

  constructor(context: ImportContext) {
    this.#context = context;
  }

  /** @param isAgain whether these were verified before and may have changed since: their leaves are counted already */
  async verify(batch: readonly ExpectedRecord[], isAgain = false): Promise<void> {
    const current = await this.#read(batch.map((expected) => [expected, expected.mapped.id]));
    const others: ExpectedRecord[] = [];
    for (const expected of batch) {
      const leaves = leavesOf(expected);
      if (!isAgain) {
        this.tally.source += leaves;
        this.tally.found += leaves;
      }
      const found = current.get(keyOf(expected.codec, expected.mapped.id));
      if (!found || !agrees(expected, found)) others.push(expected);
    }
    if (others.length === 0) return;
    const pasts = await this.#pasts(others);
    for (const expected of others) this.#verifyPast(expected, current, pasts.get(expected) ?? []);
  }

  /** What is not the current content must be a past one, or a row beside it. */
  #verifyPast(
    expected: ExpectedRecord,
    current: ReadonlyMap<string, FieldBag>,
    pasts: readonly FieldBag[],
  ): void {
    const { codec, mapped, source } = expected;
    const place = `${source.file} ${source.path}`;
    // One that differed before is counted.
    if (this.#differing.has(place) || pasts.some((past) => agrees(expected, past))) return;
    this.#differing.add(place);
    const leaves = leavesOf(expected);
    const found = current.get(keyOf(codec, mapped.id)) ?? pasts[0];
    const counts = found
      ? compareLeaves(source, mapped, found)
      : { differing: 0, missing: leaves, first: "nothing is stored for it" };
    const typed = found ? typedDifferences(expected, found) : [];
    // A field that says something else than its source is a difference, though the source is kept beside it.
    const differing = counts.differing + (counts.differing === 0 && counts.missing === 0 ? typed.length : 0);
    this.tally.found -= Math.min(leaves, differing + counts.missing);
    this.tally.differing += differing;
    this.tally.missing += counts.missing;
    if (this.tally.examples.length < MAX_NAMED) {
      const difference = counts.first ?? `the fields ${typed.join(", ")} say something else`;
      this.tally.examples.push({ file: source.file, path: source.path, difference });
    }
  }

  /** What else is stored of records: what their things were before, or rows beside theirs. */
  async #pasts(
    records: readonly ExpectedRecord[],
  ): Promise<ReadonlyMap<ExpectedRecord, readonly FieldBag[]>> {
    const { database, preparer, tenantId } = this.#context;
    const pasts = new Map<ExpectedRecord, readonly FieldBag[]>();
    const variants = new Map<ExpectedRecord, string>();
    for (const expected of records) {
      const { codec, mapped } = expected;
      if (codec.entity.nature !== "append") continue;
      const { contentHash } = preparer.append(codec, mapped.message, "");
      variants.set(expected, variantNames(mapped.id, mapped.sourceId, contentHash).id);
    }
    const beside = await this.#read([...variants]);
    for (const [expected, id] of variants) {
      const found = beside.get(keyOf(expected.codec, id));
      if (found) pasts.set(expected, [found]);
    }
    const changing = records.filter(({ codec }) => codec.entity.nature === "state");
    const read = async (run: Run) => {
      for (const codec of new Set(changing.map((expected) => expected.codec))) {
        const own = changing.filter((expected) => expected.codec === codec);
        const ids = [...new Set(own.map(({ mapped }) => mapped.id))];
        const found = await readPasts(run, codec, tenantId, ids);
        for (const expected of own) pasts.set(expected, found.get(expected.mapped.id) ?? []);
      }
    };
    await database.read(tenantId, read, { byKey: true });
    return pasts;
  }

  async #read(
    wanted: readonly (readonly [ExpectedRecord, id: string])[],
  ): Promise<ReadonlyMap<string, FieldBag>> {
    const { database, tenantId } = this.#context;
    const asked = new Map<EntityCodec, { readonly ids: Set<string>; readonly names: Set<string> }>();
    for (const [{ codec, mapped, source }, id] of wanted) {
      const own = asked.get(codec) ?? { ids: new Set(), names: new Set() };
      asked.set(codec, own);
      own.ids.add(id);
      own.names.add(source.kind.rest);
      for (const name of mapped.given) own.names.add(name);
    }
    const found = new Map<string, FieldBag>();
    const read = async (run: Run) => {
      const reads = [...asked].map(async ([codec, { ids, names }]) => {
        for (const [id, record] of await findFields(run, codec, tenantId, [...ids], names)) {
          found.set(keyOf(codec, id), record);
        }
      });
      await Promise.all(reads);
    };
    await database.read(tenantId, read, { byKey: true });
    return found;
  }
}

function leavesOf({ source }: ExpectedRecord): number {
  return countLeaves(source.text) - source.addedLeaves;
}

function keyOf(codec: EntityCodec, id: string): string {
  return `${codec.entity.table} ${id}`;
}

function agrees(expected: ExpectedRecord, found: FieldBag): boolean {
  const { differing, missing } = compareLeaves(expected.source, expected.mapped, found);
  return differing === 0 && missing === 0 && typedDifferences(expected, found).length === 0;
}

/** Fields that do not say what the record does. Where a thing is in its life is its own: it only moves forward. */
function typedDifferences({ codec, mapped }: ExpectedRecord, found: FieldBag): readonly string[] {
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
