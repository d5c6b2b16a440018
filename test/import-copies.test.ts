import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { expect, test } from "vitest";
import { makeBackup } from "../src/legacy/backup.js";
import { discover, MANIFEST } from "../src/legacy/discover.js";
import { importFolderAt } from "./support/importing.js";

test("copies for an age recipient are never plain, and this process reads them all the same", async () => {
  const { root, source } = await importFolderAt(true);
  const recipient = await identityToRecipient(await generateX25519Identity());
  const directory = join(root, "backup");
  await mkdir(directory);
  const { sources } = await makeBackup(await discover(source), directory, [recipient]);
  // As a kill at this moment, before anything is imported, would leave it.
  const left = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((each) =>
    each.isFile(),
  );
  const encrypted = left.filter(({ name }) => name !== MANIFEST);
  expect(encrypted.length).toBe(sources.length);
  for (const { parentPath, name } of encrypted) {
    expect((await readFile(join(parentPath, name))).subarray(0, 21).toString("latin1"), name).toBe(
      "age-encryption.org/v1",
    );
  }
  for (const { source: original, read } of sources) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of await read()) chunks.push(chunk as Uint8Array);
    expect(Buffer.concat(chunks).equals(await readFile(original.path)), original.file).toBe(true);
  }
});
