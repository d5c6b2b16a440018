import type { Socket } from "node:net";
import type pg from "pg";

interface Internals {
  readonly _connecting: boolean;
  readonly connection: { readonly stream: Socket };
}

/** Closes a connection at once. Postgres is not told: what it runs for the connection goes on there. */
export function cutClient(client: pg.Client): void {
  const { _connecting, connection } = client as unknown as Internals;
  void client.end().catch(() => {});
  // Whoever waits for it to be connected hears of it by an error alone.
  connection.stream.destroy(_connecting ? new Error("Connection terminated") : undefined);
}
