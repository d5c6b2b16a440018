import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { uuidV5 } from "../core/uuid.js";
import type { FieldBag } from "../entities/field-codec.js";
import type { PreparedEntry } from "../service/prepared-entry.js";
import type { WritableRecord } from "./record-writer.js";

/** Where an appended row of this id says something else: a row of its own, that names the first. */
export function variantOf(record: WritableRecord): FieldBag | undefined {
  const { entry, mapped, codec } = record;
  if (entry.verb !== "append" || entry.id !== mapped.id) return undefined;
  const message = codec.fromRow(entry.row);
  const { id, externalId } = variantNames(mapped.id, mapped.sourceId, entry.contentHash);
  return copy(codec.entity.message as never, message, {
    id,
    externalId: externalId.length <= 200 && mapped.message.externalId ? externalId : "",
    labels: { ...(message.labels as object), variant_of: mapped.id },
  });
}

/** The id and name of another content under the same source id. */
export function variantNames(id: string, sourceId: string, contentHash: Buffer) {
  const hex = contentHash.toString("hex");
  return { id: uuidV5(id, hex), externalId: `${sourceId}#${hex.slice(0, 8)}` };
}

/** Without the session it names, which is not there or has ended; a label keeps it. */
export function unlinked({ entry, codec }: WritableRecord): FieldBag | undefined {
  const message = messageOf(entry);
  if (!message?.sessionId) return undefined;
  return copy(codec.entity.message as never, message, {
    sessionId: "",
    labels: { ...(message.labels as object), session: message.sessionId },
  });
}

/** Where somebody else has its name, or its key: under another. */
export function withoutName({ entry, codec, mapped }: WritableRecord): FieldBag | undefined {
  const message = messageOf(entry);
  if (!message) return undefined;
  const { externalId, key } = message as { externalId?: string; key?: string } & FieldBag;
  if (key !== undefined && !key.startsWith("imported.")) {
    return copy(codec.entity.message as never, message, { key: `imported.${key}`.slice(0, 200) });
  }
  if (!externalId) return undefined;
  const hash = createHash("sha256").update(mapped.sourceId).digest("hex").slice(0, 16);
  const label =
    mapped.sourceId.length <= 1000 ? { external_id: mapped.sourceId } : { external_id_hash: hash };
  return copy(codec.entity.message as never, message, {
    externalId: "",
    labels: { ...(message.labels as object), ...label },
  });
}

/** What a new thing says of itself; undefined for a change. */
function messageOf(entry: PreparedEntry): FieldBag | undefined {
  if (entry.verb === "patch") return undefined;
  return entry.verb === "append" ? entry.codec.fromRow(entry.row) : entry.message;
}

function copy(schema: never, message: FieldBag, changes: Readonly<Record<string, unknown>>): FieldBag {
  return Object.assign(create(schema) as FieldBag, message, changes);
}
