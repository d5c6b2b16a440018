import pg from "pg";
import { createCodecs } from "../../src/entities/codecs.js";
import { memory } from "../../src/entities/memory.js";
import { entities } from "../../src/entities/registry.js";
import { beginAs } from "../../src/store/begin-as.js";
import { columnTypes } from "../../src/store/column-types.js";
import type { Run } from "../../src/store/database.js";
import { rowsById } from "../../src/store/flush-reads.js";
import { readMemoryAccess } from "../../src/store/memory-access.js";
import { searchByText } from "../../src/store/memory-search.js";

/** Searches by the server's own statements over one connection: what Postgres alone allows. */
export interface DirectSearch {
  search(text: string): Promise<void>;
  close(): Promise<void>;
}

/** As many as a search answers that asks for no other number. */
const HITS = 10;
/** As the server asks for: see `SPARE_OF_TEXT`. */
const CANDIDATES = HITS + 100;

export async function startDirectSearch(url: string, tenantId: string): Promise<DirectSearch> {
  const client = new pg.Client({
    connectionString: url,
    types: columnTypes,
    ...({ pipeline: true } as object),
  });
  await client.connect();
  const codec = createCodecs(entities).of(memory);
  const run: Run = async <R extends readonly unknown[]>(statement: Parameters<Run>[0]) => {
    const query = typeof statement === "string" ? { text: statement } : statement;
    const { rows } = await client.query<R>({ ...query, rowMode: "array" } as pg.QueryArrayConfig);
    return rows;
  };
  return {
    async search(text) {
      const [, found] = await Promise.all([
        run(beginAs(tenantId, "READ ONLY")),
        searchByText(run, text, CANDIDATES, []),
      ]);
      const ids = [...new Set(found.map(({ id }) => id))].slice(0, HITS);
      await Promise.all([
        run(rowsById(codec, tenantId, ids)),
        readMemoryAccess(run, tenantId, ids),
        run("COMMIT"),
      ]);
    },
    close: () => client.end(),
  };
}
