import { prepareAbuseTenant } from "./abuses/abuse-tenant.js";
import { abuses } from "./abuses/abuses.js";
import { appendAs, OTHERS_WAIT_MS } from "./abuses/other-tenant.js";
import type { FuzzRun } from "./fuzz-run.js";

/** An abuse that is not over by then hangs, or the server does. */
const ENDS_WITHIN_MS = 120_000;

/**
 * Abuses the server so often, each time in another way, and looks after each whether another tenant is served.
 * Gives what the server did wrong.
 */
export async function fuzzAbuses({ target, cases, seed, say }: FuzzRun): Promise<readonly string[]> {
  const tenant = await prepareAbuseTenant(target.address);
  const findings = new Set<string>();
  try {
    for (let made = 0; made < cases; made += 1) {
      // Once around the list each gets its next variation.
      const number = seed + made + Math.floor(made / abuses.length);
      const abuse = abuses[made % abuses.length] as (typeof abuses)[number];
      const work = () => endsInTime(abuse.run(tenant, number));
      const wrong = await target.underWay.during(() => `${abuse.name}, number ${number}`, work);
      for (const text of wrong) findings.add(`${abuse.name}: ${text}`);
      const refused = await appendAs(target.address, OTHERS_WAIT_MS);
      if (refused !== undefined) findings.add(`${abuse.name}: afterwards another tenant: ${refused}`);
      target.memory();
    }
  } finally {
    tenant.rpc.close();
  }
  say(`${cases} abuses, ${findings.size} findings, server at ${target.memory()} MiB`);
  return [...findings];
}

async function endsInTime(work: Promise<readonly string[]>): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(() => resolve([`not over within ${ENDS_WITHIN_MS} ms`]), ENDS_WITHIN_MS);
  });
  try {
    // Where the server ends, so do its connections: that it did is told by the target.
    return await Promise.race([work.catch((error: unknown) => [String(error)]), late]);
  } finally {
    clearTimeout(timer);
  }
}
