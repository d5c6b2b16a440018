import type pg from "pg";
import type { TargetSession } from "../core/postgres-hosts.js";
import { NoPrimaryError } from "./no-primary-error.js";

/**
 * Asks the server of this connection whether it is what `target_session_attrs` asks for.
 *
 * @param host names the server in the error.
 * @throws NoPrimaryError when it is not.
 */
export async function checkTarget(client: pg.ClientBase, target: TargetSession, host: string): Promise<void> {
  if (target === "any") return;
  const text = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'";
  const { rows } = await client.query<[boolean, boolean]>({ text, rowMode: "array" });
  const [isStandby, isReadOnly] = rows[0] ?? [true, true];
  if (isStandby) throw new NoPrimaryError(`${host} is a standby`, "read-only");
  if (target === "read-write" && isReadOnly) throw new NoPrimaryError(`${host} is read-only`, "read-only");
}
