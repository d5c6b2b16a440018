import { AdminService, type GetLogHeadResponse } from "../../../gen/holdfast/v1/admin_pb.js";
import type { CallOptions } from "./call/call-options.js";
import type { Transport } from "./call/transport.js";

/** What operators and auditors ask. Every method throws HoldfastError. */
export class Admin {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Where the tenant's log ends, and the hash of everything in it. */
  getLogHead(options?: CallOptions): Promise<GetLogHeadResponse> {
    return this.#transport.unary(AdminService.method.getLogHead, {}, options);
  }
}
