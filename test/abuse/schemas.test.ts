import { expect, test } from "vitest";
import { ConfigurationService } from "../../gen/holdfast/v1/configuration_pb.js";
import { useAbusedServer } from "../support/abused-server.js";
import { besideModestTenant } from "../support/beside-modest-tenant.js";
import { payload } from "../support/entries.js";
import { refusal } from "../support/refusal.js";
import type { RpcClient } from "../support/rpc-client.js";
import { present } from "../support/tenant.js";

// What the abuses ask for would take hours, whatever the limit.
const server = useAbusedServer({ HOLDFAST_SCHEMA_TIME_LIMIT_MS: "500" });
const { createConfiguration } = ConfigurationService.method;

/** Each abuse takes the server's limit, and starts a process anew; on a machine that is busy with other things much more. */
const TIMEOUT_MS = 120_000;

let keys = 0;
function put(client: RpcClient, schema: string, value?: string) {
  keys += 1;
  const configuration = {
    key: `k${keys}`,
    schema: payload(schema),
    ...(value !== undefined && { value: payload(value) }),
  };
  return client.unary(createConfiguration, { configuration });
}

/** Each refers to the next twice: 2^40 ways to the last. */
const DOUBLING = `{"$ref": "#/$defs/a0", "$defs": {${Array.from(
  { length: 40 },
  (_, i) => `"a${i}": {"allOf": [{"$ref": "#/$defs/a${i + 1}"}, {"$ref": "#/$defs/a${i + 1}"}]}, `,
).join("")}"a40": {"type": "integer"}}}`;
const LOOKAHEAD = '{"pattern": "^(?=(a+)+$)"}';
const LONG_TEXT = JSON.stringify(`${"a".repeat(50_000)}!`);
const MANY_OBJECTS = `[${Array.from({ length: 60_000 }, (_, i) => `{"a":${i}}`)}]`;

const ABUSES = {
  "a keyword that makes the answer a promise": ['{"$async": true, "type": "integer"}', '"x"'],
  "a pattern with more ways than atoms in the world": ['{"pattern": "^(a+)+$"}', LONG_TEXT],
  "one with a backreference": ['{"pattern": "^(?:(a+)+\\\\1)+$"}', LONG_TEXT],
  "one with a lookahead": [LOOKAHEAD, LONG_TEXT],
  "one for names of properties": ['{"patternProperties": {"^(?=(a+)+$)": false}}', `{${LONG_TEXT}: 1}`],
  "unique items among many objects": ['{"uniqueItems": true}', MANY_OBJECTS],
  "references that double": [DOUBLING, "1"],
} as const;

test(
  "twelve of them at once are refused, and take nothing from another tenant",
  async () => {
    const clients = [server.as("abuser"), server.as("accomplice")];
    const abuses = Object.entries(ABUSES);
    const found = await besideModestTenant(server, () =>
      Promise.all(
        Array.from({ length: 12 }, async (_, i) => {
          const [name, [schema, value]] = present(abuses[i % abuses.length]);
          const { reason, fields } = await refusal(put(present(clients[i % 2]), schema, value));
          return { name, reason, field: fields[0]?.split("/")[0] };
        }),
      ),
    );
    for (const { name, reason, field } of found) {
      expect({ name, reason, field }).toEqual({
        name,
        reason: "INVALID_FIELD",
        field: expect.stringMatching(/^configuration\.(schema|value)$/),
      });
    }
    expect(await server.metric("holdfast_worker_tasks", 'state="running"')).toBe(0);
    expect(await server.metric("holdfast_worker_tasks_total", 'outcome="limited"')).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

/** Each names the next twice: compiled, 2^30 copies of the last. */
const DOUBLING_ALTERNATIVES = `{"$ref": "#/$defs/a0", "$defs": {${Array.from(
  { length: 30 },
  (_, i) => `"a${i}": {"anyOf": [{"$ref": "#/$defs/a${i + 1}"}, {"$ref": "#/$defs/a${i + 1}"}]}, `,
).join("")}"a30": {"type": "integer"}}}`;

const small = useAbusedServer({
  // The memory ends it, however slow the machine is.
  HOLDFAST_SCHEMA_TIME_LIMIT_MS: "600000",
  HOLDFAST_WORKER_MEMORY_MIB: "32",
});

test(
  "a schema that needs more memory than a worker process has is rejected, and takes nothing from another tenant",
  async () => {
    const abuser = small.as("abuser");
    await besideModestTenant(small, async () => {
      for (let i = 0; i < 2; i += 1) {
        const { reason, fields, message } = await refusal(put(abuser, DOUBLING_ALTERNATIVES, '"x"'));
        expect({ reason, fields, message }).toMatchObject({ reason: "INVALID_FIELD" });
        expect(message).toContain("more than 32 MiB of memory");
      }
    });
    expect(await small.metric("holdfast_worker_tasks", 'state="running"')).toBe(0);
    expect(await small.metric("holdfast_worker_tasks_total", 'outcome="limited"')).toBe(2);
    expect((await put(abuser, '{"type": "integer"}', "1")).configuration?.key).toBeDefined();
  },
  2 * TIMEOUT_MS,
);
