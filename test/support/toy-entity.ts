import { create, createFileRegistry, type DescFile } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_field_mask,
  file_google_protobuf_timestamp,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { file_holdfast_v1_log } from "../../gen/holdfast/v1/log_pb.js";
import { file_holdfast_v1_payload } from "../../gen/holdfast/v1/payload_pb.js";
import type { EntityDeclaration } from "../../src/entities/declaration.js";
import { present } from "./tenant.js";

/** A field as a proto file would say it: "repeated .holdfast.v1.Toy toys", "optional double score". */
type FieldText = string;

const SCALARS: Readonly<Record<string, Type>> = {
  string: Type.STRING,
  int32: Type.INT32,
  int64: Type.INT64,
  double: Type.DOUBLE,
  bool: Type.BOOL,
  bytes: Type.BYTES,
};

/** Edit 1 and 2, the proto and what is generated from it, made here without a file. */
function toyFile(): DescFile {
  const page = ["int32 page_size", "string page_token"];
  const time = ".google.protobuf.Timestamp";
  const file = create(FileDescriptorProtoSchema, {
    name: "holdfast/testing/toy.proto",
    package: "holdfast.testing",
    syntax: "proto3",
    dependency: [
      file_google_protobuf_timestamp,
      file_google_protobuf_field_mask,
      file_holdfast_v1_log,
      file_holdfast_v1_payload,
    ].map(({ proto }) => proto.name),
    messageType: [
      message("Toy", [
        ...["string id", "string external_id", "string session_id", "string agent_id"],
        "labels",
        ...["int64 position", `${time} create_time`, "int64 revision"],
        ...[`${time} update_time`, `${time} delete_time`],
        ...["string colour", "optional double weight", ".holdfast.v1.Payload manual"],
      ]),
      message("CreateToyRequest", [".holdfast.testing.Toy toy"]),
      message("GetToyRequest", [
        "key string id",
        "key string external_id",
        "int64 min_position",
        "bytes min_position_hash",
        "int64 at_position",
      ]),
      message("ToyFilter", [
        "repeated string agent_ids",
        "repeated string colours",
        "labels",
        "bool include_deleted",
      ]),
      message("ListToysRequest", [
        ...page,
        ".holdfast.testing.ToyFilter filter",
        "int64 min_position",
        "bytes min_position_hash",
        "enum .holdfast.v1.ListOrder order",
      ]),
      message("ListToysResponse", ["repeated .holdfast.testing.Toy toys", "string next_page_token"]),
      message("UpdateToyRequest", [
        ".holdfast.testing.Toy toy",
        ".google.protobuf.FieldMask update_mask",
        "optional int64 expected_revision",
        "string request_id",
      ]),
      message("DeleteToyRequest", ["string id", "optional int64 expected_revision", "string request_id"]),
      message("ListToyRevisionsRequest", [
        "string id",
        ...page,
        "int64 min_position",
        "bytes min_position_hash",
      ]),
      message("ToyRevision", [
        ...["int64 revision", "int64 position", `${time} commit_time`],
        ...["enum .holdfast.v1.ChangeType change", ".holdfast.testing.Toy toy"],
      ]),
      message("ListToyRevisionsResponse", [
        "repeated .holdfast.testing.ToyRevision revisions",
        "string next_page_token",
      ]),
      message("ToyResponse", [".holdfast.testing.Toy toy"]),
    ],
    service: [
      {
        name: "ToyService",
        method: [
          ...["CreateToy", "GetToy", "UpdateToy", "DeleteToy"].map((name) => method(name, "ToyResponse")),
          ...["ListToys", "ListToyRevisions"].map((name) => method(name, `${name}Response`)),
        ],
      },
    ],
  });
  const known = [
    file_google_protobuf_timestamp,
    file_google_protobuf_field_mask,
    file_holdfast_v1_log,
    file_holdfast_v1_payload,
  ].flatMap(withDependencies);
  const registry = createFileRegistry(file, (path) => known.find(({ proto }) => proto.name === path));
  return present(registry.getFile(file.name));
}

function withDependencies(file: DescFile): DescFile[] {
  return [file, ...file.dependencies.flatMap(withDependencies)];
}

function method(name: string, output: string) {
  return { name, inputType: `.holdfast.testing.${name}Request`, outputType: `.holdfast.testing.${output}` };
}

function message(name: string, fields: readonly FieldText[]) {
  const optional = fields.filter((text) => text.startsWith("optional "));
  const hasKey = fields.some((text) => text.startsWith("key "));
  const oneofs = [...(hasKey ? ["key"] : []), ...optional.map((text) => `_${text.split(" ").at(-1)}`)];
  return {
    name,
    field: fields.map((text, i) => field(name, text, i + 1, oneofs)),
    oneofDecl: oneofs.map((oneof) => ({ name: oneof })),
    nestedType: fields.includes("labels") ? [labelsEntry()] : [],
  };
}

function labelsEntry() {
  const text = (name: string, number: number) => ({ name, number, type: Type.STRING, label: Label.OPTIONAL });
  return { name: "LabelsEntry", field: [text("key", 1), text("value", 2)], options: { mapEntry: true } };
}

function field(parent: string, text: FieldText, number: number, oneofs: readonly string[]) {
  if (text === "labels") {
    const typeName = `.holdfast.testing.${parent}.LabelsEntry`;
    return {
      name: "labels",
      jsonName: "labels",
      number,
      type: Type.MESSAGE,
      typeName,
      label: Label.REPEATED,
    };
  }
  const words = text.split(" ");
  const name = present(words.at(-1));
  const type = present(words.at(-2));
  const jsonName = name.replace(/_(.)/g, (_match, letter: string) => letter.toUpperCase());
  const label = words[0] === "repeated" ? Label.REPEATED : Label.OPTIONAL;
  const oneof = words[0] === "key" ? "key" : `_${name}`;
  const message = words[0] === "enum" ? Type.ENUM : Type.MESSAGE;
  return {
    ...{ name, jsonName, number, label },
    ...(type.startsWith(".") ? { type: message, typeName: type } : { type: present(SCALARS[type]) }),
    ...(oneofs.includes(oneof) && { oneofIndex: oneofs.indexOf(oneof) }),
    ...(words[0] === "optional" && { proto3Optional: true }),
  };
}

const file = toyFile();

/** Edit 3, the migration. */
export const TOY_TABLE = `
CREATE TABLE holdfast.toys (
  tenant_id uuid NOT NULL, id uuid NOT NULL, external_id text, session_id uuid, agent_id text,
  labels jsonb NOT NULL, position bigint NOT NULL, create_time timestamptz NOT NULL, revision bigint NOT NULL,
  update_time timestamptz NOT NULL, delete_time timestamptz,
  colour text NOT NULL, weight double precision, manual json, manual_bytes bytea, manual_content_type text,
  PRIMARY KEY (tenant_id, id)
)`;

/** Edit 4, the declaration; its kind is the next that log.proto would have. */
export const toy: EntityDeclaration = {
  name: "toy",
  table: "toys",
  kind: 13 as never,
  nature: "state",
  message: present(file.messages.find(({ name }) => name === "Toy")),
  service: present(file.services[0]),
  updatable: ["external_id", "agent_id", "labels", "colour", "weight", "manual"],
  ranges: { weight: [0, 100] },
  maxLengths: { colour: 20 },
};
