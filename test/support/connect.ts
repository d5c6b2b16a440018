import pg from "pg";

/**
 * A plain connection for direct SQL, which whoever asked for it ends. When the server ends it, the statement that runs or
 * comes next rejects. The event alone is not heard: a test that ends its Postgres before its connections would else end
 * the process of the tests.
 */
export async function connect(url: string, options: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, ...options });
  client.on("error", () => {});
  await client.connect();
  return client;
}
