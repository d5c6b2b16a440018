import type { Configuration, ResolveConfigurationRequest } from "../../gen/holdfast/v1/configuration_pb.js";
import { type FieldViolation, invalidFields, limitExceeded } from "../core/errors.js";
import { configuration } from "../entities/configuration.js";
import type { Run } from "../store/database.js";
import { type LogHead, readLogHead, requirePosition } from "../store/log-head.js";
import { readConfigurations, readConfigurationsAt } from "../store/read-configurations.js";
import { ConfigurationsInForce } from "./configurations-in-force.js";
import type { EventsContext } from "./events.js";

/** Which keys, and for whom, as requests say it. */
export interface KeySelection {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
  readonly agentId: string;
}

/** Values in one part of a selection. */
const MAX_SELECTED = 100;
/** Keys of one answer, and of what a watch keeps in memory. */
export const MAX_KEYS = 1000;
const LAYERS = 3;

/** What is in force, now or at a position. @throws INVALID_FIELD, LIMIT_EXCEEDED, POSITION_IN_FUTURE */
export async function resolveConfigurations(
  { database, codecs }: Pick<EventsContext, "database" | "codecs">,
  tenantId: string,
  request: ResolveConfigurationRequest,
): Promise<{ configurations: readonly Configuration[]; position: bigint; logId: string }> {
  checkSelection(request);
  const { minPosition, atPosition } = request;
  if (atPosition < 0n) {
    const description = `expected 0 or a position, got ${atPosition}`;
    throw invalidFields([{ field: "at_position", description }]);
  }
  return database.read(tenantId, async (run) => {
    const codec = codecs.of(configuration);
    const [head, inForce] = await readInForce(run, codec, tenantId, request, atPosition || undefined);
    requirePosition(head, minPosition);
    requireKeys(inForce);
    const position = atPosition || head.position;
    return { configurations: inForce.all(), position, logId: head.logId };
  });
}

/** The layers of the selected keys, now or at a position, and the log they are of. @throws POSITION_IN_FUTURE */
export async function readInForce(
  run: Run,
  codec: Parameters<typeof readConfigurations>[1],
  tenantId: string,
  { keys, prefixes, agentId }: KeySelection,
  position: bigint | undefined,
): Promise<readonly [LogHead, ConfigurationsInForce]> {
  const range = { tenantId, keys, prefixes, agentId, limit: LAYERS * MAX_KEYS + 1 };
  const [head, records] = await Promise.all([
    readLogHead(run, tenantId),
    position === undefined
      ? readConfigurations(run, codec, range)
      : readConfigurationsAt(run, codec, range, position),
  ]);
  if (position !== undefined) requirePosition(head, position);
  if (records.length > LAYERS * MAX_KEYS) throw tooMany();
  return [head, new ConfigurationsInForce(records as unknown as readonly Configuration[])];
}

/** @throws LIMIT_EXCEEDED */
export function requireKeys(inForce: ConfigurationsInForce): void {
  if (inForce.size > MAX_KEYS) throw tooMany();
}

/** @throws INVALID_FIELD */
export function checkSelection({ keys, prefixes, agentId }: KeySelection): void {
  const violations: FieldViolation[] = [];
  for (const [field, values] of Object.entries({ keys, prefixes })) {
    if (values.length > MAX_SELECTED) {
      violations.push({
        field,
        description: `expected at most ${MAX_SELECTED} values, got ${values.length}`,
      });
    }
    for (const [i, value] of values.entries()) {
      if (value === "") violations.push({ field: `${field}[${i}]`, description: "expected text, got none" });
      checkText(value, `${field}[${i}]`, violations);
    }
  }
  checkText(agentId, "agent_id", violations);
  if (violations.length > 0) throw invalidFields(violations);
}

function checkText(text: string, field: string, violations: FieldViolation[]): void {
  if (text.includes("\0")) violations.push({ field, description: "expected text without NUL (U+0000)" });
}

function tooMany() {
  return limitExceeded("prefixes", "keys", MAX_KEYS, MAX_KEYS + 1);
}
