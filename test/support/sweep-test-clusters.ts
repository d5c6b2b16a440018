import { readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockDirectory } from "../../src/postgres/directory-lock.js";
import { layoutOf } from "../../src/postgres/layout.js";
import { stopPostmaster } from "../../src/postgres/postmaster.js";
import { findPostmaster } from "../../src/postgres/postmaster-file.js";

/** A test run locks its directory within milliseconds of making it. */
const YOUNGEST_MS = 60_000;

/** Stops and deletes the embedded servers of test runs that were killed before they could. */
export async function sweepTestClusters(prefix: string): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(prefix))) {
    const layout = layoutOf(join(tmpdir(), name));
    try {
      if (Date.now() - statSync(layout.directory).mtimeMs < YOUNGEST_MS) continue;
      lockDirectory(layout); // fails while the run that made it lives
      const postmaster = findPostmaster(layout);
      if (postmaster) await stopPostmaster(postmaster);
      rmSync(layout.directory, { recursive: true, force: true });
    } catch {
      // In use, or somebody else's: not ours to remove.
    }
  }
}
