import type { Records } from "../../service/records.js";
import { defineService, type RegisteredService, type ServiceHandlers } from "../service.js";
import type { AppendContext } from "./append-batch.js";
import { standardHandlers } from "./standard-handlers.js";

/**
 * The service of an entity that has the standard methods and no others.
 *
 * @throws TypeError if it has others: they need a file of their own.
 */
export function standardService(records: Records, append: AppendContext): RegisteredService {
  const { service } = records.codec.entity;
  const handlers = standardHandlers(service, records, append) as ServiceHandlers<typeof service>;
  const forgotten = service.methods.filter((method) => !(method.localName in handlers));
  if (forgotten.length > 0) {
    throw new TypeError(`nothing serves ${forgotten.map(String).join(", ")}`);
  }
  return defineService(service, handlers);
}
