import type { DescField, DescMessage, DescMethod } from "@bufbuild/protobuf";
import type { Principal } from "../core/principal.js";
import type { EntityDeclaration } from "../entities/declaration.js";
import { localName } from "../entities/local-name.js";
import type { CallAudits } from "../service/call-audits.js";
import { methodPath } from "./service.js";

/**
 * The one way out for secrets. Every answer of a method that can hold one, on
 * whatever path, is passed through it before it is encoded: a caller without the role
 * secret_reader gets a copy without the values, one with it gets them once an
 * audit that says so is durable.
 */
export interface SecretGuard {
  /** What is to be done with a method's answers; undefined when none can hold a secret. */
  for(method: DescMethod): AnswerFilter | undefined;
}

export type AnswerFilter = (answer: object, principal: Principal) => Promise<object>;

/** A message as a handler gives it: initialised, or a plain object of its fields. */
type Fields = Record<string, unknown>;
type Replace = (message: Fields) => Fields;

interface SecretNames {
  readonly field: string;
  readonly flag: string;
  readonly redacted: string;
}

export function createSecretGuard(entities: readonly EntityDeclaration[], audits: CallAudits): SecretGuard {
  const secrets = new Map(
    entities.flatMap((entity) => (entity.secret ? [[entity.message.typeName, secretNames(entity)]] : [])),
  );
  const holders = new Map<string, boolean>();
  const mayHold = (message: DescMessage): boolean => {
    const known = holders.get(message.typeName) ?? reaches(message, secrets, new Set());
    holders.set(message.typeName, known);
    return known;
  };

  const redact = (message: DescMessage, value: Fields, replace: Replace): Fields => {
    const names = secrets.get(message.typeName);
    if (names) return value[names.flag] === true && value[names.field] ? replace(value) : value;
    let copy = value;
    for (const [field, path, inner] of holdings(message, value, mayHold)) {
      const redacted = redactField(field, inner, replace);
      if (redacted !== inner) copy = withField(copy, path, field, redacted);
    }
    return copy;
  };
  const redactField = (field: DescField, inner: unknown, replace: Replace): unknown => {
    const { message } = field;
    if (!message) return inner;
    const one = (each: unknown) => redact(message, each as Fields, replace);
    if (field.fieldKind === "list") {
      const list = inner as readonly unknown[];
      const redacted = list.map(one);
      return redacted.every((each, i) => each === list[i]) ? inner : redacted;
    }
    if (field.fieldKind === "map") {
      return Object.fromEntries(Object.entries(inner as object).map(([key, each]) => [key, one(each)]));
    }
    return one(inner);
  };

  return {
    for(method) {
      if (!mayHold(method.output)) return undefined;
      return async (answer, principal) => {
        const mayRead = principal.roles.includes("secret_reader");
        const shown: string[] = [];
        const filtered = redact(method.output, answer as Fields, (secret) => {
          shown.push(secret.id as string);
          const names = secrets.get(secret.$typeName as string);
          return mayRead || !names ? secret : withheld(secret, names);
        });
        if (!mayRead || shown.length === 0) return filtered;
        const targets = [...new Set(shown)];
        const message = "secrets were shown";
        await audits.allowed({ principal, operation: methodPath(method), message, targets });
        return answer;
      };
    },
  };
}

/** Whether one of these messages is somewhere within this one, or is it. */
function reaches(message: DescMessage, names: ReadonlyMap<string, unknown>, seen: Set<DescMessage>): boolean {
  if (names.has(message.typeName)) return true;
  if (seen.has(message)) return false;
  seen.add(message);
  return message.fields.some(({ message: inner }) => inner !== undefined && reaches(inner, names, seen));
}

/** A copy: the original may be shared with other callers. */
function withheld(secret: Fields, { field, redacted }: SecretNames): Fields {
  return { ...secret, [field]: undefined, [redacted]: true };
}

/** The fields of a message that are set and may hold a secret, and within which oneof they are. */
function* holdings(
  message: DescMessage,
  value: Fields,
  mayHold: (message: DescMessage) => boolean,
): Generator<readonly [field: DescField, oneof: string | undefined, value: unknown]> {
  for (const member of message.members) {
    if (member.kind === "oneof") {
      const chosen = value[member.localName] as { case?: string; value?: unknown } | undefined;
      const field = member.fields.find(({ localName: name }) => name === chosen?.case);
      if (field?.message && mayHold(field.message)) yield [field, member.localName, chosen?.value];
    } else if (member.message && mayHold(member.message) && value[member.localName] !== undefined) {
      yield [member, undefined, value[member.localName]];
    }
  }
}

function withField(value: Fields, oneof: string | undefined, field: DescField, inner: unknown): Fields {
  if (oneof !== undefined) return { ...value, [oneof]: { case: field.localName, value: inner } };
  return { ...value, [field.localName]: inner };
}

function secretNames(entity: EntityDeclaration): SecretNames {
  const { field = "", flag = "", redacted = "" } = entity.secret ?? {};
  const name = (fieldName: string) => localName(entity, fieldName);
  return { field: name(field), flag: name(flag), redacted: name(redacted) };
}
