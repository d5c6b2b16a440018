import fc from "fast-check";
import { expect, test } from "vitest";
import { searchTermsSql, TERM_PREFIX_LENGTH } from "../src/store/search-terms.js";
import { query } from "./support/query.js";
import { newTenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

const servers = useServers({});

async function terms(text: string, tenantId: string): Promise<readonly string[]> {
  const [row] = await query<{ terms: string[] }>(
    servers.databaseUrl,
    `SELECT tsvector_to_array(${searchTermsSql("$1::text", "$2::uuid")}) AS terms`,
    [text, tenantId],
  );
  return (row?.terms ?? []).map((term) => term.slice(TERM_PREFIX_LENGTH));
}

test("a text in ASCII has the same terms by its shorter way as beside a word that is not", async () => {
  const { id } = newTenant(servers.app());
  const ascii = fc.string({
    unit: fc.integer({ min: 1, max: 127 }).map((code) => String.fromCharCode(code)),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(ascii, { maxLength: 6 }), async (pieces) => {
      const text = pieces.join(" ");
      const beside = (await terms(`${text} ž`, id)).filter((term) => term !== "ž");
      expect(await terms(text, id)).toEqual(beside);
    }),
    { numRuns: 60 },
  );
  expect(await terms("Docs/ledger_export.md,\tX-1", id)).toEqual([
    "1",
    "docs",
    "export",
    "ledger",
    "md",
    "x",
  ]);
});
