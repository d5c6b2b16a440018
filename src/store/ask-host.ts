import pg from "pg";
import type { PostgresHost, PostgresHosts } from "../core/postgres-hosts.js";
import { cutClient } from "./cut-client.js";
import { leadTo } from "./lead-to.js";

/** How long one server is waited for, in ms; as long as a connection may take by default. */
export const ANSWER_TIMEOUT_MS = 5000;

/** Asks one server of a URL something, on a connection of its own, which is closed again, at once when the signal says so. */
export async function askHost<T>(
  { url }: PostgresHosts,
  host: PostgresHost,
  ask: (client: pg.Client) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    application_name: "holdfast look",
    connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
  });
  client.on("error", () => {});
  leadTo(client, host);
  const onAbort = () => cutClient(client);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    await client.connect();
    return await ask(client);
  } finally {
    signal?.removeEventListener("abort", onAbort);
    void client.end().catch(() => {});
  }
}
