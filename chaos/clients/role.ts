import type { Client } from "./client.js";
import type { RoleOptions } from "./client-options.js";

/** One thing to do until the client is stopped; resolves when nothing of it is in flight any more. */
export type Role = (client: Client, options: RoleOptions) => Promise<void>;
