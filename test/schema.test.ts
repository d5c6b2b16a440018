import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { createTestDatabase } from "./support/create-test-database.js";
import { dumpSchema } from "./support/dump-schema.js";

const COMMITTED = new URL("../src/store/schema.sql", import.meta.url);

/** Set by `npm run schema`: writes the file in place of comparing with it. */
const isUpdate = process.env.UPDATE_SCHEMA === "1";

test("the committed schema is what the migrations make", async () => {
  const database = await createTestDatabase();
  try {
    const dumped = await dumpSchema(database.url);
    if (isUpdate) await writeFile(COMMITTED, dumped);
    expect(dumped, "run `npm run schema` and review what changed").toBe(await readFile(COMMITTED, "utf8"));
  } finally {
    await database.close();
  }
});
