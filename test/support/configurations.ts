import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type Configuration,
  type ConfigurationSchema,
  ConfigurationService,
  ConfigurationLayer as Layer,
} from "../../gen/holdfast/v1/configuration_pb.js";
import { present, type Tenant } from "./tenant.js";

const { method } = ConfigurationService;

export type ConfigurationInit = MessageInitShape<typeof ConfigurationSchema>;

/** Creates one. */
export async function put({ rpc }: Tenant, configuration: ConfigurationInit): Promise<Configuration> {
  return present((await rpc.unary(method.createConfiguration, { configuration })).configuration);
}

/** Changes the fields of these paths. */
export async function change(
  { rpc }: Tenant,
  configuration: ConfigurationInit,
  ...paths: string[]
): Promise<Configuration> {
  const request = { configuration, updateMask: { paths }, requestId: randomUUID() };
  return present((await rpc.unary(method.updateConfiguration, request)).configuration);
}

/** Deletes one. */
export async function remove({ rpc }: Tenant, id: string): Promise<Configuration> {
  return present((await rpc.unary(method.deleteConfiguration, { id })).configuration);
}

/** Its value as text. */
export function text(configuration: Configuration | undefined): string | undefined {
  return configuration?.value && Buffer.from(configuration.value.data).toString();
}

/** "key=value from LAYER", as resolved. */
export async function inForce(
  tenant: Tenant,
  agentId = "",
  atPosition = 0n,
  prefixes: string[] = [],
): Promise<string[]> {
  const answer = await tenant.rpc.unary(method.resolveConfiguration, { agentId, atPosition, prefixes });
  return answer.configurations.map((each) => `${each.key}=${text(each)} from ${Layer[each.layer]}`);
}
