import type { DescField, DescMessage, DescMethodUnary } from "@bufbuild/protobuf";
import type { AppendResult } from "../../gen/holdfast/v1/log_pb.js";
import type { EntityDeclaration } from "../../src/entities/declaration.js";
import type { FieldBag } from "../../src/entities/field-codec.js";
import type { RpcClient } from "./rpc-client.js";
import { present } from "./tenant.js";

/** Fields of a message to be made, by local name. */
export type Fields = Record<string, unknown>;

/** The standard verbs of an entity, called by what its descriptors say; those it lacks are undefined. */
export function entityClient(entity: EntityDeclaration, rpc: RpcClient) {
  const { service, message } = entity;
  const plural = pascalCase(entity.table);
  const single = message.name.replace(/^./, (first) => first.toLowerCase());
  const find = (...names: readonly string[]) =>
    service.methods.find(({ name }) => names.includes(name)) as DescMethodUnary | undefined;
  const call = async (method: DescMethodUnary, request: Fields) =>
    (await rpc.unary(method, request as never)) as unknown as Fields;
  const one = async (method: DescMethodUnary, request: Fields) =>
    present((await call(method, request))[single]) as FieldBag;
  const verb = <A extends readonly unknown[], R>(
    method: DescMethodUnary | undefined,
    serve: (method: DescMethodUnary, ...args: A) => Promise<R>,
  ) => method && ((...args: A) => serve(method, ...args));

  const create = present(find(`Create${message.name}`, `Open${message.name}`));
  const get = present(find(`Get${message.name}`));
  const list = present(find(`List${plural}`));
  return {
    create: (record: Fields | undefined) => one(create, record ? { [single]: record } : {}),
    get: (id: string, options: Fields = {}) => one(get, { key: { case: "id", value: id }, ...options }),
    getByName: (name: string) => one(get, { key: { case: "externalId", value: name } }),
    async list(request: Fields = {}) {
      const answer = await call(list, request);
      const records = answer[messageList(list.output).localName] as FieldBag[];
      return { records, nextPageToken: answer.nextPageToken as string };
    },
    filter: present(list.input.field.filter?.message),
    batchCreate: verb(find(`BatchCreate${plural}`), async (method, records: readonly Fields[]) => {
      const field = messageList(method.input);
      const answer = await call(method, { [field.localName]: records });
      return { result: answer.result as AppendResult, records: answer[field.localName] as FieldBag[] };
    }),
    batchGet: verb(find(`BatchGet${plural}`), async (method, ids: readonly string[]) => {
      return (await call(method, { ids }))[messageList(method.output).localName] as FieldBag[];
    }),
    /** `paths` are proto names. */
    update: verb(
      find(`Update${message.name}`),
      (method, record: Fields, paths: readonly string[], options: Fields = {}) =>
        one(method, { [single]: record, updateMask: { paths }, ...options }),
    ),
    delete: verb(find(`Delete${message.name}`), (method, id: string, options: Fields = {}) =>
      one(method, { id, ...options }),
    ),
    listRevisions: verb(find(`List${message.name}Revisions`), async (method, request: Fields) => {
      const answer = await call(method, request);
      const revisions = (answer.revisions as Fields[]).map(({ [single]: record, ...rest }) => ({
        ...rest,
        record: record as FieldBag,
      }));
      return { revisions, nextPageToken: answer.nextPageToken as string };
    }),
  };
}

export type EntityClient = ReturnType<typeof entityClient>;

function messageList(message: DescMessage): DescField {
  return present(message.fields.find((field) => field.fieldKind === "list" && field.listKind === "message"));
}

function pascalCase(snake: string): string {
  return snake.replace(/(?:^|_)(.)/g, (_match, first: string) => first.toUpperCase());
}
