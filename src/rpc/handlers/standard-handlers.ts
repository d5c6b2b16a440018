import type { DescField, DescMethod, DescService } from "@bufbuild/protobuf";
import { timestampFromMicros } from "../../core/time.js";
import type { FieldBag } from "../../entities/field-codec.js";
import type { ChangeRequest, GetRequest, ListRequest, Records } from "../../service/records.js";
import type { MinPosition } from "../../store/read-min-position.js";
import type { CallContext } from "../call-context.js";
import type { ServiceHandlers } from "../service.js";
import { type AppendContext, appendRecords } from "./append-batch.js";
import { audited } from "./audited.js";

/** The methods every entity's service may have, by name. */
type StandardName<Entity extends string, Plural extends string> =
  | `create${Entity}`
  | `batchCreate${Plural}`
  | `get${Entity}`
  | `batchGet${Plural}`
  | `list${Plural}`
  | `update${Entity}`
  | `delete${Entity}`
  | `list${Entity}Revisions`;

export type StandardHandlers<S extends DescService, Entity extends string, Plural extends string> = Pick<
  ServiceHandlers<S>,
  Extract<keyof S["method"], StandardName<Entity, Plural>>
>;

// The descriptors pair a method's name with its messages; a handler reads and
// fills their fields by name, which TypeScript cannot follow.
type AnyHandler = (request: FieldBag, context: CallContext) => Promise<object>;

/**
 * Handlers for the standard methods a service has. What a service has beyond
 * them its own file adds; a method that is neither does not compile there.
 *
 * @typeParam Entity, Plural the names as the methods have them: "Memory", "Memories"
 */
export function standardHandlers<
  S extends DescService,
  Entity extends string = string,
  Plural extends string = string,
>(service: S, records: Records, append: AppendContext): StandardHandlers<S, Entity, Plural> {
  const entity = records.codec.entity.message.name;
  const plural = pascalCase(records.codec.entity.table);
  const single = entity.replace(/^./, (first) => first.toLowerCase());
  const answer = (record: FieldBag) => ({ [single]: record });
  const verbs: Readonly<Record<string, (method: DescMethod) => AnyHandler>> = {
    [`create${entity}`]:
      () =>
      async (request, { principal }) =>
        answer(await records.create(principal.tenantId, request[single] as FieldBag | undefined, principal)),
    [`batchCreate${plural}`]: (method) => {
      const list = listField(method.input.fields);
      return async (request, { principal, signal }) => {
        const given = request[list.localName] as readonly FieldBag[];
        const { tenantId } = principal;
        const { result, stored } = await appendRecords(append, tenantId, records, given, list.name, signal);
        return { result, [list.localName]: stored };
      };
    },
    [`get${entity}`]:
      () =>
      async (request, { principal }) =>
        answer(await records.get(principal.tenantId, request as unknown as GetRequest)),
    [`batchGet${plural}`]: (method) => {
      const list = listField(method.output.fields);
      return async (request, call) => ({
        [list.localName]: await records.batchGet(
          call.principal.tenantId,
          request.ids as readonly string[],
          request as unknown as MinPosition,
          call,
        ),
      });
    },
    [`list${plural}`]: (method) => {
      const list = listField(method.output.fields);
      return async (request, call) => {
        const page = await records.list(call.principal.tenantId, request as unknown as ListRequest, call);
        return { [list.localName]: page.items, nextPageToken: page.nextPageToken };
      };
    },
    [`update${entity}`]:
      (method) =>
      async (request, { principal }) =>
        answer(
          await records.update(
            principal.tenantId,
            method.input,
            request as unknown as ChangeRequest & FieldBag,
            request[single] as FieldBag | undefined,
            principal,
          ),
        ),
    [`delete${entity}`]: (method) => async (request, context) =>
      answer(
        await records.delete(
          context.principal.tenantId,
          method.input,
          request as unknown as ChangeRequest & { id: string } & FieldBag,
          audited(append.preparer, method, context, {
            target: request.id as string,
            message: `the ${records.codec.entity.name} was deleted`,
          }),
        ),
      ),
    [`list${entity}Revisions`]: () => async (request, call) => {
      const page = await records.listRevisions(call.principal.tenantId, request as never, call);
      return {
        revisions: page.items.map(({ commitMicros, record, ...revision }) => ({
          ...revision,
          commitTime: timestampFromMicros(commitMicros),
          [single]: record,
        })),
        nextPageToken: page.nextPageToken,
      };
    },
  };
  const handlers = service.methods.flatMap((method) => {
    const verb = verbs[method.localName];
    return verb ? [[method.localName, verb(method)] as const] : [];
  });
  return Object.fromEntries(handlers) as unknown as StandardHandlers<S, Entity, Plural>;
}

function listField(fields: readonly DescField[]): DescField {
  const field = fields.find(
    (candidate) => candidate.fieldKind === "list" && candidate.listKind === "message",
  );
  if (!field) throw new TypeError("a batch or list message has a repeated field of the entity");
  return field;
}

/** "cross_session_patterns" is "CrossSessionPatterns". */
function pascalCase(snake: string): string {
  return snake.replace(/(?:^|_)(.)/g, (_match, first: string) => first.toUpperCase());
}
