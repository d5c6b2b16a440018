import type { DescMessage } from "@bufbuild/protobuf";
import type { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import type { EntityDeclaration } from "./declaration.js";
import { createEntityCodec, type EntityCodec } from "./entity-codec.js";

/** The codecs of the registered entities, found by what the caller has at hand. */
export interface Codecs {
  readonly all: readonly EntityCodec[];
  /** @throws TypeError if the entity is not registered */
  of(entity: EntityDeclaration): EntityCodec;
  ofKind(kind: EntityKind): EntityCodec | undefined;
  ofMessage(message: DescMessage): EntityCodec | undefined;
  ofName(name: string): EntityCodec | undefined;
}

export function createCodecs(entities: readonly EntityDeclaration[]): Codecs {
  const all = entities.map(createEntityCodec);
  const byEntity = new Map(all.map((codec) => [codec.entity, codec]));
  const byKind = new Map(all.map((codec) => [codec.entity.kind, codec]));
  const byMessage = new Map(all.map((codec) => [codec.entity.message.typeName, codec]));
  const byName = new Map(all.map((codec) => [codec.entity.name, codec]));
  return Object.freeze({
    all,
    of(entity: EntityDeclaration) {
      const codec = byEntity.get(entity);
      if (!codec) throw new TypeError(`${entity.name} is not registered`);
      return codec;
    },
    ofKind: (kind: EntityKind) => byKind.get(kind),
    ofMessage: (message: DescMessage) => byMessage.get(message.typeName),
    ofName: (name: string) => byName.get(name),
  });
}
