import { checkAtomic } from "./atomic.js";
import { checkConvergent } from "./convergent.js";
import { checkDurable } from "./durable.js";
import { type Evidence, gatherEvidence, type LostPrimary } from "./evidence.js";
import { checkExactlyOnce } from "./exactly-once.js";
import type { Violation } from "./guarantee.js";
import { checkIsolated } from "./isolated.js";
import { checkLive } from "./live.js";
import { checkOrdered } from "./ordered.js";
import { seenOutsideOfLosses } from "./seen.js";
import { checkSoundServers } from "./sound-servers.js";
import { checkSubscriptions } from "./subscriptions.js";

/** What a run left behind. */
export interface Remains {
  /** Of the ledgers. */
  readonly directory: string;
  readonly databaseUrl: string;
  /** Primaries of which something was lost, in their order; none if nothing could be. */
  readonly lost?: readonly LostPrimary[];
  /** Postgres' own logs. */
  readonly postgresLogs: readonly string[];
}

/** Runs every validator over what a run left. */
export async function checkAll(
  remains: Remains,
  say: (text: string) => void,
): Promise<{ readonly evidence: Evidence; readonly violations: readonly Violation[] }> {
  say("reading the ledgers and the database");
  const evidence = await gatherEvidence(remains.directory, remains.databaseUrl, remains.lost);
  try {
    say("checking");
    const violations = [
      ...seenOutsideOfLosses(evidence),
      ...checkDurable(evidence),
      ...checkExactlyOnce(evidence),
      ...checkOrdered(evidence),
      ...checkAtomic(evidence),
      ...(await checkSubscriptions(evidence)),
      ...checkIsolated(evidence),
      ...(await checkConvergent(evidence)),
      ...(await checkLive(remains.postgresLogs)),
      ...(await checkSoundServers(remains.directory)),
    ];
    return { evidence, violations };
  } finally {
    await evidence.close();
  }
}
