import { type DescFile, type DescMessage, type DescService, toBinary } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** The proto files behind some services, found by name and by what they declare. */
export interface FileIndex {
  /** The file of this name ("google/rpc/status.proto"). */
  findByName(name: string): DescFile | undefined;
  /** The file that declares this full name: a type, service, method, field, oneof or enum value. */
  findBySymbol(symbol: string): DescFile | undefined;
}

/** @param details files that no service imports, of messages that travel as google.protobuf.Any. */
export function createFileIndex(services: readonly DescService[], details: readonly DescFile[]): FileIndex {
  const byName = new Map<string, DescFile>();
  const bySymbol = new Map<string, DescFile>();
  for (const file of [...services.map(({ file }) => file), ...details].flatMap(withImports)) {
    if (byName.has(file.proto.name)) continue;
    byName.set(file.proto.name, file);
    for (const symbol of symbolsOf(file)) bySymbol.set(symbol, file);
  }
  return {
    findByName: (name) => byName.get(name),
    findBySymbol: (symbol) => bySymbol.get(symbol),
  };
}

/** The file, then everything it imports, directly or not: what a client needs to build its types. */
export function withImports(file: DescFile): DescFile[] {
  const files = new Set([file]);
  // A set is walked on into what is added meanwhile.
  for (const { dependencies } of files) {
    for (const dependency of dependencies) files.add(dependency);
  }
  return [...files];
}

/** The file as the bytes of its FileDescriptorProto. */
export function toDescriptorBytes(file: DescFile): Uint8Array {
  return toBinary(FileDescriptorProtoSchema, file.proto);
}

function* symbolsOf(file: DescFile): Generator<string> {
  for (const type of nestedTypes(file)) {
    yield type.typeName;
    if (type.kind === "service") {
      for (const { name } of type.methods) yield `${type.typeName}.${name}`;
    } else if (type.kind === "message") {
      yield* memberNames(type);
    } else if (type.kind === "enum") {
      // Values are siblings of their enum, as in C++.
      const scope = type.typeName.slice(0, -type.name.length);
      for (const { name } of type.values) yield scope + name;
    }
  }
}

function* memberNames(message: DescMessage): Generator<string> {
  for (const { name } of message.fields) yield `${message.typeName}.${name}`;
  for (const { name } of message.oneofs) yield `${message.typeName}.${name}`;
}
