import { ConfigurationService, ConfigurationValueType } from "../../gen/holdfast/v1/configuration_pb.js";
import type { Abuse } from "./abuse.js";

/** Of each case. */
const AT_ONCE = 6;
/** So that the four runs of the default length come to all of them. */
const CASES_A_RUN = 7;
const UNIQUE_ITEMS = 20_000;
const DOUBLINGS = 25;
const NESTED = 20_000;

/** A schema, as its text or not, and a value that it takes long to check. */
type Case = readonly [schema: object | string, value: unknown];

const CASES: readonly (() => Case)[] = [
  () => [{ $async: true, type: "integer" }, "x"],
  () => [{ pattern: "^(a+)+$" }, `${"a".repeat(30)}!`],
  () => [{ pattern: "(x+x+)+y" }, "x".repeat(30)],
  () => [{ patternProperties: { "^(a|a)*$": false } }, { [`${"a".repeat(28)}!`]: 1 }],
  () => [{ format: "regex" }, "(".repeat(10_000)],
  () => [{ uniqueItems: true }, Array.from({ length: UNIQUE_ITEMS }, (_, i) => ({ a: i }))],
  () => [doubling(), 1],
  () => [nested(NESTED), 1],
  () => [{ $ref: "#" }, 1],
  () => [{ $recursiveRef: "#", $dynamicRef: "#", items: { $ref: "#" } }, [[[[1]]]]],
  () => [{ enum: Array.from({ length: UNIQUE_ITEMS }, (_, i) => [i]) }, [-1]],
  () => [{ minLength: 1e300, multipleOf: 1e-300 }, 1e300],
  () => [{ $id: "http://127.0.0.1:1/", $ref: "http://127.0.0.1:1/other" }, 1],
];

/** Configurations whose schema is much work for whoever checks a value by it, or ends what checks it. */
export const hostileSchemas: Abuse = {
  name: "hostile schemas",
  async run({ rpc }, number) {
    const wrong: string[] = [];
    for (let chosen = number; chosen < number + CASES_A_RUN; chosen++) {
      const [schema, value] = (CASES[chosen % CASES.length] as () => Case)();
      const configuration = {
        valueType: ConfigurationValueType.JSON,
        value: payload(JSON.stringify(value)),
        schema: payload(typeof schema === "string" ? schema : JSON.stringify(schema)),
      };
      const calls = Array.from({ length: AT_ONCE }, (_, i) =>
        rpc
          .unary(ConfigurationService.method.createConfiguration, {
            configuration: { ...configuration, key: `fuzz.${chosen}.${i}` },
          })
          .catch((error: unknown) => error),
      );
      for (const outcome of await Promise.all(calls)) {
        if (outcome instanceof Error && /INTERNAL|UNKNOWN/.test(outcome.message)) wrong.push(outcome.message);
      }
    }
    return wrong;
  },
};

function payload(json: string) {
  return { contentType: "application/json", data: Buffer.from(json) };
}

/** Each definition refers twice to the next: checked one after the other they are 2 to the power of so many. */
function doubling(): object {
  const $defs: Record<string, object> = { [`d${DOUBLINGS}`]: { type: "number" } };
  for (let i = 0; i < DOUBLINGS; i++) {
    const next = { $ref: `#/$defs/d${i + 1}` };
    $defs[`d${i}`] = { allOf: [next, next] };
  }
  return { $defs, $ref: "#/$defs/d0" };
}

/** As text: objects nested so deep are more than `JSON.stringify` takes. */
function nested(depth: number): string {
  return `${'{"items":'.repeat(depth)}{}${"}".repeat(depth)}`;
}
