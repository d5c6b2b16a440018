import { randomUUID } from "node:crypto";
import { type DescMethodUnary, ScalarType } from "@bufbuild/protobuf";
import { EventService } from "../gen/holdfast/v1/event_pb.js";
import { entities } from "../src/entities/registry.js";
import type { Address } from "../src/rpc/bind.js";
import { sample } from "../test/support/entity-samples.js";
import { RpcClient } from "../test/support/rpc-client.js";

/** Someone to send hostile messages as. */
export interface FuzzTenant {
  readonly id: string;
  readonly rpc: RpcClient;
  /** Texts that mean something to this tenant: ids, names, page tokens, paths of fields. */
  readonly texts: readonly string[];
}

/** A tenant of its own with one thing of each kind. The caller closes its `rpc`. */
export async function prepareTenant(address: Address): Promise<FuzzTenant> {
  const id = randomUUID();
  const rpc = new RpcClient(address, { tenant: id });
  const texts: string[] = [id, "*"];
  for (const entity of entities) {
    const single = entity.message.name.replace(/^./, (first) => first.toLowerCase());
    const create = entity.service.methods.find(({ name }) =>
      [`Create${entity.message.name}`, `Open${entity.message.name}`].includes(name),
    );
    const answer = await rpc.unary(create as DescMethodUnary, { [single]: sample(entity) } as never);
    const made = (answer as unknown as Record<string, Record<string, unknown>>)[single] ?? {};
    for (const field of entity.message.fields) {
      texts.push(field.name);
      const value = made[field.localName];
      if (field.scalar === ScalarType.STRING && typeof value === "string" && value !== "") texts.push(value);
    }
  }
  const page = await rpc.unary(EventService.method.listEvents, { pageSize: 1 });
  texts.push(page.nextPageToken, page.cursor?.logId ?? "");
  return { id, rpc, texts: [...new Set(texts)] };
}
