import { basename } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Those that take half a minute and more on a busy machine, the longest first. */
const LONG = [
  "entity-contract",
  "npm-start",
  "import-kills",
  "backup",
  "export",
  "hostile-input",
  "slow-subscribers",
  "cli-serve",
  "demo",
  "start-embedded-postgres",
  "learning-agent",
  "payload-exactness",
  "overlapping-flushes",
  "runner",
  "migrations",
  "owner-process",
  "list-plans",
  "import",
  "journal",
  "backup-commands",
  "database-probe",
  "new-tenant-plans",
  "backup-owner",
  "import-database",
  "misuse",
  "export-service",
  "database-health",
  "flush-plans",
].map((name) => `${name}.test.ts`);

/**
 * The files that take long begin first, so that the last worker is not long alone with one of them. Vitest takes the
 * larger file for the longer where it has not run before.
 */
export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const index = LONG.indexOf(basename(moduleId));
      return index === -1 ? LONG.length : index;
    };
    // The sort is stable: the others stay by size.
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
