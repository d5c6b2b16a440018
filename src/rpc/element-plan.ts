import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
export const START_GROUP = 3;
export const END_GROUP = 4;
export const FIXED32 = 5;

/** What the bytes of one field hold. */
export interface ElementField {
  readonly name: string;
  readonly wireType: number;
  /** Whether it is a list or a map. */
  readonly isRepeated: boolean;
  /** Whether its numbers may also come together, in one length-delimited value. */
  readonly isPackable: boolean;
  /** The fields of its message or map entry; undefined for a scalar. */
  readonly message: ElementPlan | undefined;
}

/** The fields of a message by their numbers. */
export type ElementPlan = readonly (ElementField | undefined)[];

const plans = new WeakMap<DescMessage, ElementPlan>();

/** What is to be known of a message to count its elements without decoding it. */
export function elementPlan(schema: DescMessage): ElementPlan {
  const made = plans.get(schema);
  if (made) return made;
  const plan: (ElementField | undefined)[] = [];
  // Before its fields: a message may hold messages of its own kind.
  plans.set(schema, plan);
  for (const field of schema.fields) plan[field.number] = elementField(field);
  return plan;
}

function elementField(field: DescField): ElementField {
  const { name } = field;
  const isRepeated = field.fieldKind === "list" || field.fieldKind === "map";
  if (field.fieldKind === "map") {
    const key = scalarField("key", field.mapKey);
    const value: ElementField = field.message
      ? messageField("value", field.message, false)
      : scalarField("value", field.scalar ?? ScalarType.INT32);
    return {
      name,
      wireType: LENGTH_DELIMITED,
      isRepeated,
      isPackable: false,
      message: [undefined, key, value],
    };
  }
  if (field.message) return messageField(name, field.message, isRepeated);
  // An enum is an int32 on the wire.
  const scalar = scalarField(name, field.scalar ?? ScalarType.INT32);
  return { ...scalar, isRepeated, isPackable: isRepeated && scalar.wireType !== LENGTH_DELIMITED };
}

function messageField(name: string, message: DescMessage, isRepeated: boolean): ElementField {
  return {
    name,
    wireType: LENGTH_DELIMITED,
    isRepeated,
    isPackable: false,
    message: elementPlan(message),
  };
}

function scalarField(name: string, type: ScalarType): ElementField {
  return {
    name,
    wireType: wireTypeOf(type),
    isRepeated: false,
    isPackable: false,
    message: undefined,
  };
}

function wireTypeOf(type: ScalarType): number {
  switch (type) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return LENGTH_DELIMITED;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return FIXED64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return FIXED32;
    default:
      return VARINT;
  }
}
