import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImportReport } from "../src/legacy/import-report.js";
import { runCli } from "../test/support/cli-process.js";
import type { Bench } from "./bench.js";
import { writeOldAgent } from "./import/write-old-agent.js";
import { median } from "./support/statistics.js";

const RECORDS = 100_000;

/** A large folder imported by `holdfast import`, reading everything back included. */
export const importBench: Bench = {
  name: "import",
  long: true,
  about: `holdfast import of ${RECORDS} records, each leaf compared with what Postgres gives back`,
  async run({ cluster, rounds, say }) {
    const root = await mkdtemp(join(tmpdir(), "holdfast-bench-import-"));
    try {
      const source = join(root, "source");
      await writeOldAgent(source, RECORDS);
      const rates: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const report = join(root, "report.json");
        const tenant = crypto.randomUUID();
        const { code, stderr } = await runCli(
          ["import", source, "--tenant", tenant, "--imports", join(root, "imports"), "--report", report],
          { DATABASE_URL: cluster.url },
        );
        if (code !== 0) throw new Error(`the import ended with ${code}: ${stderr}`);
        const { migration_summary: summary } = JSON.parse(await readFile(report, "utf8")) as ImportReport;
        rates.push(summary.records_migrated / summary.duration_seconds);
        say(`round ${round + 1}: ${rates.at(-1)?.toFixed(0)} records/s`);
      }
      const holdfast = `${median(rates).toFixed(0)} records/s`;
      return {
        rows: [{ name: "import", values: { "records/s": median(rates).toFixed(0) } }],
        notes: ["copying, writing and verifying"],
        verdicts: [
          { name: "import", holdfast, reference: "–", unit: "/s", values: rates, reach: { atLeast: 20_000 } },
        ],
        figures: { rates },
      };
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  },
};
