import pg from "pg";
import { connect } from "./connect.js";

/** Runs one statement on a connection of its own; bigint comes as bigint. */
export async function query<R extends object>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<R[]> {
  return withConnection(url, async (client) => (await client.query<R>(text, [...values])).rows);
}

/** A plain connection for direct SQL, ended afterwards. */
export async function withConnection<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const types: pg.CustomTypesConfig = {
    getTypeParser: (oid: number, format?: string) =>
      oid === pg.types.builtins.INT8 ? BigInt : pg.types.getTypeParser(oid, format as "text"),
  };
  const client = await connect(url, { types });
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
