import { basename } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Short to read and long to run: twenty seconds and more of a busy machine. */
const LONG = [
  "hostile-input",
  "import-kills",
  "entity-contract",
  "cli-serve",
  "owner-process",
  "journal",
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
    const isLong = ({ moduleId }: TestSpecification) => LONG.includes(basename(moduleId));
    const bySize = await super.sort(files);
    return [...bySize.filter(isLong), ...bySize.filter((file) => !isLong(file))];
  }
}
