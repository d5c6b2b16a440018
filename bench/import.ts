import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImportReport } from "../src/legacy/import-report.js";
import { runCli } from "../test/support/cli-process.js";
import type { Bench } from "./bench.js";
import { writeOldAgent } from "./import/write-old-agent.js";
import { cpuTimeMs, endedCpuTimeMs } from "./support/cpu-time.js";
import { median } from "./support/statistics.js";

const RECORDS = 100_000;

interface Round {
  readonly perSecond: number;
  /** CPU of a record; NaN where there is no /proc. */
  readonly importerMicros: number;
  readonly postgresMicros: number;
}

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
      const measured: Round[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const report = join(root, "report.json");
        const tenant = crypto.randomUUID();
        const before = { importer: endedCpuTimeMs(), postgres: cpuTimeMs(cluster.pid) };
        const { code, stderr } = await runCli(
          ["import", source, "--tenant", tenant, "--imports", join(root, "imports"), "--report", report],
          { DATABASE_URL: cluster.url },
        );
        if (code !== 0) throw new Error(`the import ended with ${code}: ${stderr}`);
        const { migration_summary: summary } = JSON.parse(await readFile(report, "utf8")) as ImportReport;
        const { records_migrated: records, duration_seconds: seconds } = summary;
        const microsEach = (after = Number.NaN, since = Number.NaN) => ((after - since) * 1000) / records;
        measured.push({
          perSecond: records / seconds,
          importerMicros: microsEach(endedCpuTimeMs(), before.importer),
          postgresMicros: microsEach(cpuTimeMs(cluster.pid), before.postgres),
        });
        say(`  round ${round + 1}: ${measured.at(-1)?.perSecond.toFixed(0)} records/s`);
      }
      const rates = measured.map(({ perSecond }) => perSecond);
      const middle = (figure: keyof Round) => median(measured.map((round) => round[figure])).toFixed(0);
      const holdfast = `${middle("perSecond")} records/s`;
      return {
        rows: [
          {
            name: "import",
            values: {
              "records/s": middle("perSecond"),
              "cpu: importer": middle("importerMicros"),
              postgres: middle("postgresMicros"),
            },
          },
        ],
        notes: ["copying, writing and verifying; CPU is microseconds a record"],
        verdicts: [
          { name: "import", holdfast, reference: "–", unit: "/s", values: rates, reach: { atLeast: 20_000 } },
        ],
        figures: { rounds: measured },
      };
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  },
};
