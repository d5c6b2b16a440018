import {
  type Configuration,
  ConfigurationLayer as Layer,
  type RollbackConfigurationRequest,
  RollbackConfigurationRequestSchema,
} from "../../gen/holdfast/v1/configuration_pb.js";
import { type FieldViolation, invalidFields, notFound, refuseViolations } from "../core/errors.js";
import { isUuid } from "../core/uuid.js";
import { readRevisions } from "../store/read-revisions.js";
import type { Attribution } from "./prepared-entry.js";
import type { Records, RecordsContext } from "./records.js";

/**
 * Checks what a caller sends of a configuration, and puts a new one into the layer it is meant for.
 *
 * @param changed the fields it is to change, by proto name; undefined if it is to be created
 * @throws INVALID_FIELD
 */
export function checkConfiguration(
  configuration: Configuration,
  changed: readonly string[] | undefined,
): void {
  const violations: FieldViolation[] = [];
  if (!changed) {
    if (configuration.layer === Layer.UNSPECIFIED) {
      configuration.layer = configuration.agentId === "" ? Layer.TENANT : Layer.AGENT;
    }
    const isAgents = configuration.layer === Layer.AGENT;
    const isKnown = Layer[configuration.layer] !== undefined;
    if (isKnown && isAgents !== (configuration.agentId !== "")) {
      const description = isAgents
        ? "expected an agent, whose layer AGENT is, got none"
        : `expected none in the layer ${Layer[configuration.layer]}, got one`;
      violations.push({ field: "configuration.agent_id", description });
    }
  }
  if (configuration.valueRedacted && (!changed || changed.includes("value"))) {
    const description = "expected a configuration as it is, got one whose value was withheld";
    violations.push({ field: "configuration.value_redacted", description });
  }
  refuseViolations(violations);
}

/** Makes what a configuration was at a revision its newest. @throws NOT_FOUND, REVISION_MISMATCH, INVALID_FIELD */
export async function rollbackConfiguration(
  { database, preparer }: RecordsContext,
  configurations: Records,
  tenantId: string,
  request: RollbackConfigurationRequest,
  by: Attribution,
): Promise<Configuration> {
  const { codec } = configurations;
  const entry = (fields: Readonly<Record<string, unknown>>) =>
    preparer.patch({
      codec,
      id: request.id,
      requestId: request.requestId,
      schema: RollbackConfigurationRequestSchema,
      request,
      fields,
      expectedRevision: request.expectedRevision,
      path: "",
      idField: "id",
    });
  // Refuses a bad id before anything is looked up by it.
  if (!isUuid(request.id)) entry({});
  const id = request.id.toLowerCase();
  const range = { tenantId, id, below: request.revision + 1n, limit: 1 };
  const [past, newest] = await database.read(tenantId, async (run) => {
    const [[at], [last]] = await Promise.all([
      request.revision < MAX_INT64 ? readRevisions(run, codec, range) : [],
      readRevisions(run, codec, { tenantId, id, limit: 1 }),
    ]);
    return [at, last] as const;
  });
  if (!newest) throw notFound(codec.entity.name, id);
  if (past?.revision !== request.revision) {
    const description = `expected a revision from 1 to ${newest.revision}, got ${request.revision}`;
    throw invalidFields([{ field: "revision", description }]);
  }
  const { value, valueType, schema, type, description, active } = past.record as unknown as Configuration;
  const fields = { value, valueType, schema, type, description, active };
  return (await configurations.write(tenantId, entry(fields), by)) as unknown as Configuration;
}

const MAX_INT64 = 2n ** 63n - 1n;
