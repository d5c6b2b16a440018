import type { DescField, DescMessage, DescMethod, DescMethodUnary, DescService } from "@bufbuild/protobuf";

/** A method, and what it carries. */
export interface EntityMethod {
  readonly method: DescMethodUnary;
  /** The field of its request that holds what the service is about, one or many. */
  readonly given: string;
  /** The field of its answer that does. */
  readonly answered: string;
}

/** What a service of one entity has, found by the names and types of its methods. */
export interface EntityMethods {
  readonly entity: DescMessage;
  /** Throws TypeError for a verb that the service has not. */
  method(verb: string): EntityMethod;
}

/** Reads them from the descriptor: GoalService has CreateGoal, BatchCreateGoals, ListGoals, ListGoalRevisions. */
export function entityMethods(service: DescService): EntityMethods {
  const get = service.methods.find(({ localName }) => localName.startsWith("get"));
  const entity = get?.output.fields[0]?.message;
  if (!entity) throw new TypeError(`${service.typeName} gets no entity`);
  const found = new Map<string, EntityMethod>();
  for (const method of service.methods) {
    const verb = verbOf(method.localName, entity.name);
    if (verb === undefined || !isUnary(method)) continue;
    const fields = method.output.fields;
    const answered = verb === "revisions" ? fields[0] : fields.find(holds(entity));
    const given = method.input.fields.find(holds(entity));
    found.set(verb, { method, given: given?.localName ?? "", answered: answered?.localName ?? "" });
  }
  return {
    entity,
    method(verb) {
      const method = found.get(verb);
      if (!method) throw new TypeError(`${service.typeName} has no method to ${verb}`);
      return method;
    },
  };
}

function holds(entity: DescMessage): (field: DescField) => boolean {
  return ({ message }) => message === entity;
}

function isUnary(method: DescMethod): method is DescMethod & DescMethodUnary {
  return method.methodKind === "unary";
}

/** Special methods begin with other words, or list something else: ListBestStrategies. */
function verbOf(method: string, entity: string): string | undefined {
  if (method === `list${entity}Revisions`) return "revisions";
  for (const verb of ["create", "get", "update", "delete"]) if (method === verb + entity) return verb;
  const stem = entity.replace(/y$/, "");
  return ["batchCreate", "batchGet", "list"].find((verb) => method.startsWith(verb + stem));
}
