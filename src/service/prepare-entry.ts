import { createHash } from "node:crypto";
import {
  create,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import {
  ActionStatus,
  type FinishAction,
  FinishActionSchema,
  type StartAction,
  StartActionSchema,
} from "../../gen/holdfast/v1/action_pb.js";
import type { Entry } from "../../gen/holdfast/v1/event_pb.js";
import { SecurityAuditSchema } from "../../gen/holdfast/v1/security_audit_pb.js";
import { type FieldViolation, invalidFields, limitExceeded, refuseViolations } from "../core/errors.js";
import { isUuid, uuidV7 } from "../core/uuid.js";
import { action } from "../entities/action.js";
import type { Codecs } from "../entities/codecs.js";
import type { Row } from "../entities/columns.js";
import { decision } from "../entities/decision.js";
import type { EntityDeclaration } from "../entities/declaration.js";
import type { EntityCodec } from "../entities/entity-codec.js";
import type { FieldBag } from "../entities/field-codec.js";
import { observation } from "../entities/observation.js";
import { performanceMetric } from "../entities/performance-metric.js";
import { securityAudit } from "../entities/security-audit.js";
import { clearOutputOnly, newRecord } from "./apply-change.js";
import type { EntryLimits } from "./limits.js";
import type {
  AppendEntry,
  Choice,
  CreateEntry,
  PatchEntry,
  PatchFields,
  PreparedEntry,
} from "./prepared-entry.js";
import { WireEntry } from "./wire-entry.js";

/** Turns entries as callers send them into prepared ones, refusing what is wrong with one by itself. */
export interface EntryPreparer {
  /**
   * @param path where the entry stands in the request, for violations: "entries[3]."
   * @throws INVALID_FIELD, LIMIT_EXCEEDED
   */
  entry(entry: Entry | WireEntry, path: string): PreparedEntry;
  /** A row that is written once, as its Create method was given it. */
  append(codec: EntityCodec, message: FieldBag, path: string): AppendEntry;
  /** What Holdfast itself has to say of a call. */
  audit(audit: MessageInitShape<typeof SecurityAuditSchema>): AppendEntry;
  /** A new thing with a current state, as its Create or Open method was given it. */
  create(codec: EntityCodec, message: FieldBag, path: string): CreateEntry;
  /** A change of fields; `request` is the message that asked for it, hashed to recognise a retry. */
  patch<Desc extends DescMessage>(patch: PatchRequest<Desc>): PatchEntry;
}

export interface PatchRequest<Desc extends DescMessage> {
  readonly codec: EntityCodec;
  /** Empty where there is a choice. */
  readonly id: string;
  readonly choice?: Choice;
  readonly requestId: string;
  readonly schema: Desc;
  readonly request: MessageShape<Desc>;
  readonly fields: PatchFields;
  readonly change?: "UPDATED" | "DELETED";
  readonly expectedRevision?: bigint | undefined;
  /** Where the changed fields stand in the request, for violations. */
  readonly path: string;
  /** Where its two ids do. */
  readonly idField: string;
  readonly requestIdField?: string;
  /** What was found wrong with the request so far: all of it is told at once. */
  readonly violations?: readonly FieldViolation[];
}

export function createEntryPreparer(codecs: Codecs, limits: EntryLimits): EntryPreparer {
  const actions = codecs.of(action);

  const append = (codec: EntityCodec, message: FieldBag, path: string): AppendEntry => {
    clearOutputOnly(codec, message);
    return appendAsIs(codec, message, path);
  };

  const appendAsIs = (codec: EntityCodec, message: FieldBag, path: string): AppendEntry => {
    const { id, idIsOurs } = giveId(message);
    const violations = { path, list: [] };
    const row = codec.toRow(message, violations);
    refuseViolations(violations.list);
    const prepared = appendRow(codec, row, id, idIsOurs);
    checkSize(codec, message, prepared.byteLength, path, limits);
    return prepared;
  };

  const createEntry = (codec: EntityCodec, message: FieldBag, path: string): CreateEntry => {
    const { id, idIsOurs } = giveId(message);
    const violations = { path, list: [] };
    // As it will be created: what the caller cannot set must not make a retry differ.
    const record = newRecord(codec, message);
    const row = codec.toRow(record, violations);
    refuseViolations(violations.list);
    const { sha256, byteLength } = codec.hash(row);
    checkSize(codec, message, byteLength, path, limits);
    const asGiven = { record, row };
    return { verb: "create", codec, message, asGiven, id, idIsOurs, requestHash: sha256, path, byteLength };
  };

  const patch = <Desc extends DescMessage>(request: PatchRequest<Desc>): PatchEntry => {
    const { codec, path, fields, expectedRevision, change = "UPDATED" } = request;
    const violations = [...(request.violations ?? [])];
    if (!request.choice) requireUuid(request.id, request.idField, violations);
    if (request.requestId !== "")
      requireUuid(request.requestId, request.requestIdField ?? "request_id", violations);
    refuseViolations(violations);
    const bytes = toBinary(request.schema, request.request, { writeUnknownFields: false });
    checkSize(codec, request.request, bytes.byteLength, path, limits);
    return {
      verb: "patch",
      codec,
      id: request.id.toLowerCase(),
      choice: request.choice,
      idIsOurs: request.requestId === "",
      requestId: request.requestId === "" ? uuidV7() : request.requestId.toLowerCase(),
      requestHash: createHash("sha256").update(request.schema.typeName).update(bytes).digest(),
      change,
      fields,
      expectedRevision,
      path,
      byteLength: bytes.byteLength,
    };
  };

  const startAction = (request: StartAction, path: string): PatchEntry =>
    patch({
      codec: actions,
      id: request.actionId,
      requestId: request.requestId,
      schema: StartActionSchema,
      request,
      fields: { status: ActionStatus.RUNNING, startTime: request.startTime ?? timestampNow() },
      path: `${path}start_action.`,
      idField: `${path}start_action.action_id`,
      requestIdField: `${path}start_action.request_id`,
    });

  const finishAction = (request: FinishAction, path: string): PatchEntry =>
    patch({
      codec: actions,
      id: request.actionId,
      requestId: request.requestId,
      schema: FinishActionSchema,
      request,
      fields: {
        status: request.status === 0 ? ActionStatus.SUCCEEDED : request.status,
        completeTime: request.completeTime ?? timestampNow(),
        ...(request.result && { result: request.result }),
        ...(request.successScore !== undefined && { successScore: request.successScore }),
        ...(request.cost !== undefined && { cost: request.cost }),
      },
      path: `${path}finish_action.`,
      idField: `${path}finish_action.action_id`,
      requestIdField: `${path}finish_action.request_id`,
      violations: notFinal(action, request.status, `${path}finish_action.status`),
    });

  return {
    append,
    audit(init) {
      const message = create(SecurityAuditSchema, { ...init, byHoldfast: true });
      return appendAsIs(codecs.of(securityAudit), message as unknown as FieldBag, "");
    },
    create: createEntry,
    patch,
    entry(given, path) {
      if (given instanceof WireEntry) {
        const { codec, row } = given;
        const at = codec.at.id;
        const id = row[at] as string | null;
        if (id !== null) return appendRow(codec, row, id, false);
        const ours = uuidV7();
        row[at] = ours;
        return appendRow(codec, row, ours, true);
      }
      const { entry } = given;
      switch (entry.case) {
        case "observation":
          return append(codecs.of(observation), entry.value as unknown as FieldBag, `${path}observation.`);
        case "decision":
          return append(codecs.of(decision), entry.value as unknown as FieldBag, `${path}decision.`);
        case "performanceMetric":
          return append(
            codecs.of(performanceMetric),
            entry.value as unknown as FieldBag,
            `${path}performance_metric.`,
          );
        case "securityAudit":
          return append(
            codecs.of(securityAudit),
            entry.value as unknown as FieldBag,
            `${path}security_audit.`,
          );
        case "action":
          return createEntry(actions, entry.value as unknown as FieldBag, `${path}action.`);
        case "startAction":
          return startAction(entry.value, path);
        case "finishAction":
          return finishAction(entry.value, path);
        case undefined:
          throw invalidFields([
            { field: `${path}entry`, description: "expected one of the entry kinds, got none" },
          ]);
      }
    },
  };
}

/** A row to append as it is. */
export function appendRow(codec: EntityCodec, row: Row, id: string, idIsOurs: boolean): AppendEntry {
  const { at } = codec;
  const { sha256: contentHash, byteLength } = codec.hash(row);
  return {
    verb: "append",
    codec,
    id,
    idIsOurs,
    row,
    sessionId: (row[at.sessionId] as string | null) ?? "",
    agentId: (row[at.agentId] as string | null) ?? "",
    externalId: (row[at.externalId] as string | null) ?? "",
    contentHash,
    byteLength,
  };
}

function giveId(message: FieldBag): { id: string; idIsOurs: boolean } {
  const given = message.id as string;
  const idIsOurs = given === "";
  const id = idIsOurs ? uuidV7() : given.toLowerCase();
  message.id = id;
  return { id, idIsOurs };
}

/** What is wrong with a status that ends nothing; none given (0) is left to the caller's default. */
export function notFinal(entity: EntityDeclaration, status: number, path: string): FieldViolation[] {
  const { lifecycle } = entity;
  const field = entity.message.fields.find((candidate) => candidate.name === lifecycle?.field);
  const isKnown = field?.enum?.value[status] !== undefined;
  if (status === 0 || (isKnown && !lifecycle?.transitions[status])) return [];
  const got = field?.enum?.value[status]?.name ?? `the number ${status}`;
  return [{ field: path, description: `expected a final ${field?.enum?.name}, got ${got}` }];
}

function requireUuid(text: string, field: string, violations: FieldViolation[]): void {
  if (!isUuid(text)) {
    const got = text === "" ? "nothing" : JSON.stringify(text.slice(0, 80));
    violations.push({ field, description: `expected a UUID, got ${got}` });
  }
}

// The canonical bytes come cheap and are close to the encoded size; only what
// is near the limit is measured exactly.
function checkSize(
  codec: EntityCodec,
  message: object,
  byteLength: number,
  path: string,
  { maxBytesPerEntry }: EntryLimits,
): void {
  if (byteLength < maxBytesPerEntry / 2) return;
  const actual = encodedLength(codec, message, byteLength);
  if (actual <= maxBytesPerEntry) return;
  throw limitExceeded(path.replace(/\.$/, ""), "bytes", maxBytesPerEntry, actual);
}

function encodedLength(codec: EntityCodec, message: object, byteLength: number): number {
  const { message: schema } = codec.entity;
  const isEntity = (message as { $typeName?: string }).$typeName === schema.typeName;
  return isEntity ? toBinary(schema, create(schema, message as never)).byteLength : byteLength;
}
