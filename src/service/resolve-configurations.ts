import type { Configuration, ResolveConfigurationRequest } from "../../gen/holdfast/v1/configuration_pb.js";
import { type FieldViolation, invalidFields } from "../core/errors.js";
import type { Turn } from "../core/in-turns.js";
import { configuration } from "../entities/configuration.js";
import { cursorAt } from "../store/cursor-at.js";
import type { ReadBounds, Run } from "../store/database.js";
import type { LogCursor } from "../store/log-cursor.js";
import type { LogHead } from "../store/log-head.js";
import { readConfigurations, readConfigurationsAt } from "../store/read-configurations.js";
import { readCursor } from "../store/read-cursor.js";
import { type MinPosition, NO_MIN_POSITION, readMinPosition } from "../store/read-min-position.js";
import { answerTooLarge } from "./answer-size.js";
import { ConfigurationsInForce, tooManyKeys } from "./configurations-in-force.js";
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
const MAX_KEYS = 1000;
const LAYERS = 3;
const ADVICE = "select fewer keys at a time";

/**
 * What is in force, now or at a position.
 *
 * @param maxAnswerBytes what is read of all layers is bounded by it
 * @throws INVALID_FIELD, LIMIT_EXCEEDED, POSITION_IN_FUTURE, LOG_DIVERGED
 */
export async function resolveConfigurations(
  { database, codecs }: Pick<EventsContext, "database" | "codecs">,
  maxAnswerBytes: number,
  tenantId: string,
  request: ResolveConfigurationRequest,
  bounds?: ReadBounds,
): Promise<{ configurations: readonly Configuration[]; cursor: LogCursor }> {
  checkSelection(request);
  const { atPosition } = request;
  if (atPosition < 0n) {
    const description = `expected 0 or a position, got ${atPosition}`;
    throw invalidFields([{ field: "at_position", description }]);
  }
  const codec = codecs.of(configuration);
  const read = async (run: Run) => {
    const after = atPosition === 0n ? undefined : { logId: "", position: atPosition, commit: undefined };
    const wanted = { tenantId, selection: request, after, minPosition: request, maxAnswerBytes };
    const [head, inForce] = await readInForce(run, codec, wanted, bounds?.turn);
    inForce.requireFit();
    const cursor = await cursorAt(run, tenantId, head, atPosition || head.position);
    return { configurations: inForce.all(), cursor };
  };
  return database.read(tenantId, read, bounds);
}

export interface WantedLayers {
  readonly tenantId: string;
  readonly selection: KeySelection;
  /** As of when; undefined is now. */
  readonly after: LogCursor | undefined;
  readonly minPosition?: MinPosition;
  readonly maxAnswerBytes: number;
}

/**
 * The layers of the selected keys, now or at a position, and the log they are of.
 *
 * @throws FOREIGN_CURSOR, LOG_DIVERGED, POSITION_IN_FUTURE, LIMIT_EXCEEDED
 */
export async function readInForce(
  run: Run,
  codec: Parameters<typeof readConfigurations>[1],
  { tenantId, selection, after, minPosition = NO_MIN_POSITION, maxAnswerBytes }: WantedLayers,
  turn?: Turn,
): Promise<readonly [LogHead, ConfigurationsInForce]> {
  const { keys, prefixes, agentId } = selection;
  // Where every layer has a value, one in three is in force.
  const maxBytes = LAYERS * maxAnswerBytes;
  const range = { tenantId, keys, prefixes, agentId, limit: LAYERS * MAX_KEYS + 1, maxBytes };
  const [log, place, { records, found }] = await Promise.all([
    readMinPosition(run, tenantId, minPosition),
    after && readCursor(run, tenantId, after),
    after === undefined
      ? readConfigurations(run, codec, range, turn)
      : readConfigurationsAt(run, codec, range, after.position, turn),
  ]);
  const head = log.check();
  place?.check();
  if (found > LAYERS * MAX_KEYS) throw tooManyKeys(MAX_KEYS);
  if (records.length < found) throw answerTooLarge(maxBytes, maxAnswerBytes, ADVICE);
  const limits = {
    maxKeys: MAX_KEYS,
    maxBytes,
    tooManyBytes: () => answerTooLarge(maxBytes, maxAnswerBytes, ADVICE),
  };
  return [head, new ConfigurationsInForce(limits, records as unknown as readonly Configuration[])];
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
