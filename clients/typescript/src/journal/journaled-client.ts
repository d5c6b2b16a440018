import type { Written } from "./written.js";
import { type Durable, JournaledInstead } from "./written.js";

/** The verbs that are journaled while the service is away. */
const VERBS = [
  "append",
  "batchCreate",
  "close",
  "create",
  "delete",
  "merge",
  "open",
  "promote",
  "recordEpisode",
  "recordOutcome",
  "recordUse",
  "rollback",
  "update",
] as const;

type JournaledVerb = (typeof VERBS)[number];

/** The client of an entity whose writes answer what became of them; all else is as without a journal. */
export type JournaledClient<C> = {
  readonly [K in keyof C]: K extends JournaledVerb
    ? C[K] extends (...args: infer A) => Promise<infer T>
      ? (...args: A) => Promise<Written<T>>
      : C[K]
    : C[K];
};

type AnyMethod = (...args: unknown[]) => unknown;

/** That client, of one that calls through a JournalingTransport. */
export function journaledClient<C extends object>(client: C): JournaledClient<C> {
  const verbs: ReadonlySet<unknown> = new Set(VERBS);
  const methods = new Map<PropertyKey, AnyMethod>();
  return new Proxy(client, {
    get(target, name) {
      const known = methods.get(name);
      if (known) return known;
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      const method: AnyMethod = value.bind(target);
      const made: AnyMethod = verbs.has(name)
        ? (...args) => written(method(...args) as Promise<unknown>)
        : method;
      methods.set(name, made);
      return made;
    },
  }) as unknown as JournaledClient<C>;
}

async function written<T>(answer: Promise<T>): Promise<Written<T>> {
  try {
    const value = await answer;
    return { state: "durable", position: positionOf(value), value } satisfies Durable<T>;
  } catch (thrown) {
    if (thrown instanceof JournaledInstead) return thrown.journaled;
    throw thrown;
  }
}

/** Of what was written, of the last where it is several; 0 where all were refused. */
function positionOf(value: unknown): bigint {
  const each = [value].flat() as { readonly position?: bigint }[];
  return each.reduce((last, { position = 0n }) => (position > last ? position : last), 0n);
}
