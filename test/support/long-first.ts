import { basename } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Those that take twenty seconds and more on a busy machine, the longest first. */
const LONG = [
  "hostile-input",
  "import-kills",
  "entity-contract",
  "cli-serve",
  "export",
  "owner-process",
  "backup",
  "journal",
  "import",
  "payload-exactness",
  "learning-agent",
  "demo",
  "new-tenant-plans",
  "npm-start",
  "migrations",
  "list-plans",
  "runner",
  "flush-plans",
  "database-health",
  "backup-commands",
  "misuse",
  "overlapping-flushes",
  "slow-subscribers",
  "goal-leases",
  "backup-owner",
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
