import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killImports } from "../test/support/kill-imports.js";
import type { Bench } from "./bench.js";
import { writeOldAgent } from "./import/write-old-agent.js";

const RECORDS = 2000;

/** Kills imports at random moments; no measurement, but as long. */
export const importKills: Bench = {
  name: "import-kills",
  long: true,
  about: "imports killed with SIGKILL at random moments and run again, as often as there are rounds",
  async run({ cluster, rounds }) {
    const root = await mkdtemp(join(tmpdir(), "holdfast-bench-import-"));
    try {
      const source = join(root, "source");
      await writeOldAgent(source, RECORDS);
      const result = await killImports(cluster.url, source, join(root, "backups"), rounds);
      const same = result.found.filter((hash) => hash === result.expected).length;
      const values = {
        kills: String(result.kills),
        "amidst the import": String(result.amidst),
        "ended the same": String(same),
      };
      return {
        rows: [{ name: "import", values }],
        notes: [],
        verdicts: [],
        figures: { ...result, tenants: undefined, same },
      };
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  },
};
