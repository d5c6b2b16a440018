import { create, type DescField, type DescMessage, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { mapInTurns, type Turn } from "../core/in-turns.js";
import { EncodedMessage } from "./message-codec.js";

/**
 * Encodes an answer of many messages one by one, so that others have their turn in between. Gives the bytes that a
 * decoder takes for the same message: its lists follow its other fields.
 */
export async function encodeInTurns(
  schema: DescMessage,
  answer: Readonly<Record<string, unknown>>,
  turn: Turn,
): Promise<EncodedMessage> {
  // Without the name of its type it is what a message is made from.
  const { $typeName: _, ...rest }: Record<string, unknown> = answer;
  const writer = new BinaryWriter();
  for (const field of schema.fields) {
    const message = messageOfList(field);
    const items = answer[field.localName];
    if (!message || !Array.isArray(items)) continue;
    rest[field.localName] = [];
    const encoded = await mapInTurns(items, (item) => toBinary(message, create(message, item)), turn);
    for (const bytes of encoded) writer.tag(field.number, WireType.LengthDelimited).bytes(bytes);
  }
  writer.raw(toBinary(schema, create(schema, rest)));
  return new EncodedMessage(writer.finish());
}

function messageOfList(field: DescField): DescMessage | undefined {
  return field.fieldKind === "list" && field.listKind === "message" ? field.message : undefined;
}
