import { setTimeout as delay } from "node:timers/promises";
import { signal } from "../stage/postgres-processes.js";
import type { Stage } from "../stage/stage.js";
import type { Fault } from "./fault.js";

/** A Postgres that runs and cannot write. */
export const postgresFaults: readonly Fault[] = [
  {
    name: "read-only",
    weight: 1,
    async inject(stage, random) {
      const ms = random.between(500, 2_000);
      try {
        await stage.query("ALTER SYSTEM SET default_transaction_read_only = on");
        await restart(stage);
        await delay(ms);
      } finally {
        await insist(() => stage.query("ALTER SYSTEM RESET default_transaction_read_only"));
        await restart(stage);
      }
      return { note: `for ${ms} ms` };
    },
  },
  {
    name: "disk-full",
    weight: 1,
    missing: ({ disk }) => (disk ? undefined : "mounting a file system is not permitted here"),
    async inject({ disk }, random) {
      const ms = random.between(1_000, 3_000);
      disk?.fill();
      await delay(ms);
      disk?.free();
      return { note: `for ${ms} ms` };
    },
  },
];

/** As an operator would: open transactions are rolled back. Its supervisor starts it again. */
async function restart(stage: Stage): Promise<void> {
  const before = stage.postmaster;
  if (before !== undefined) signal(before, "SIGINT");
  const until = Date.now() + 30_000;
  while (Date.now() < until) {
    if (stage.postmaster !== before && stage.postgres.primary.isReady) return;
    await delay(50);
  }
}

async function insist(work: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    try {
      return void (await work());
    } catch {
      await delay(200);
    }
  }
}
