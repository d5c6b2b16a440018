import { setTimeout as delay } from "node:timers/promises";
import { type Cursor, EntityKind, type EventPage, type Holdfast, HoldfastError } from "@holdfast/client";
import { monotonicMs } from "../clock.js";
import { PageDigest } from "../ledger/page-digest.js";
import type { Client } from "./client.js";
import type { RoleOptions } from "./client-options.js";
import { type KeptCursor, KeptCursors } from "./kept-cursors.js";

/** How a follower reads: on and on; leaving and resuming, also from long ago; with pauses; or one kind of events. */
export type Manner = "steady" | "resuming" | "slow" | "some";

/** What a follower of some sees: a tenth of what recorders write. */
const SOME = [EntityKind.PERFORMANCE_METRIC];

const SLOW_MS = 40;
/** Now and then a slow one falls behind what servers keep in memory, and catches up with it again. */
const PAUSE_MS = 2_000;
const PAUSE_EVERY_MS = 3_500;
/** How many pages one that resumes goes back at most. */
const MOST_BACK = 200;
/** How long a follower may need for the rest once nothing is written any more. */
const FINISH_TIMEOUT_MS = 60_000;

/** Follows a tenant's log until its end is reached, and notes every page. */
export async function follow(
  client: Client,
  { tenant, address }: RoleOptions,
  manner: Manner,
): Promise<void> {
  const holdfasts = [0, 1].map((i) => client.connect(tenant, address + i));
  let end: number | undefined;
  const giveUp = new AbortController();
  void client.heads.then((heads) => {
    end = heads[tenant] ?? 0;
    setTimeout(() => giveUp.abort(), FINISH_TIMEOUT_MS).unref();
  });
  const kept = new KeptCursors();
  for (let part = 0; !giveUp.signal.aborted; part++) {
    // Each part is one more subscription: a client that was away, and came back by another way.
    const sub = `${client.number}-${address}-${tenant.slice(-4)}-${manner}-${part}`;
    const way = (address + part) % 2;
    const holdfast = holdfasts[part % 2] as Holdfast;
    const isOver = (at: Cursor | undefined) => end !== undefined && Number(at?.position ?? 0n) >= end;
    const pages = manner === "resuming" ? client.random.between(1, 60) : Number.POSITIVE_INFINITY;
    const after = manner === "resuming" ? again(client, kept) : kept.last;
    await followPart(client, holdfast, { sub, tenant, way, after, pages, manner }, kept, isOver, giveUp);
    if (isOver(kept.last?.cursor)) return;
  }
  const reached = kept.last?.cursor.position ?? 0n;
  client.saw("Gapless", `a ${manner} subscriber of ${tenant} was given nothing beyond ${reached} of ${end}`);
}

/** Where to go on: mostly after what was read last, now and then after something much earlier. */
function again(client: Client, kept: KeptCursors): KeptCursor | undefined {
  return client.random.next() < 0.7 ? kept.last : kept.before(client.random.between(1, MOST_BACK));
}

interface Part {
  readonly sub: string;
  readonly tenant: string;
  readonly way: number;
  readonly after: KeptCursor | undefined;
  readonly pages: number;
  readonly manner: Manner;
}

async function followPart(
  client: Client,
  holdfast: Holdfast,
  { sub, tenant, way, after, pages, manner }: Part,
  kept: KeptCursors,
  isOver: (at: Cursor | undefined) => boolean,
  giveUp: AbortController,
): Promise<void> {
  const from = Number(after?.cursor.position ?? 0n);
  const kinds = manner === "some" ? SOME : [];
  client.ledger.write({ k: "open", sub, tenant, way, after: from, of: after?.sub, kinds, t: monotonicMs() });
  const subscription = holdfast.events.subscribe({
    after: after?.cursor ?? "start",
    kinds,
    signal: giveUp.signal,
  });
  let left = pages;
  let paused = monotonicMs();
  try {
    for await (const page of subscription.pages()) {
      kept.keep({ sub, cursor: page.cursor });
      note(client, sub, page);
      left -= 1;
      if (left <= 0 || isOver(page.cursor)) break;
      if (manner === "slow" && !client.stop.signal.aborted) {
        const isDue = monotonicMs() - paused > PAUSE_EVERY_MS;
        if (isDue) paused = monotonicMs();
        await delay(isDue ? PAUSE_MS : SLOW_MS);
      }
    }
  } catch (thrown) {
    const { reason, message, code } = HoldfastError.from(thrown);
    if (String(reason) === "LOG_DIVERGED") {
      client.ledger.write({ k: "diverged", sub, t: monotonicMs() });
      kept.goBack();
    } else if (code !== "CANCELLED")
      client.saw("Resumable", `after ${from} a subscription ended: ${reason}, ${message}`);
    await delay(200);
  }
}

function note(client: Client, sub: string, { events, cursor, caughtUp }: EventPage): void {
  const digest = new PageDigest();
  for (const { position, entity } of events) digest.add(Number(position), entity.value?.id ?? "");
  client.ledger.write({
    k: "page",
    sub,
    n: events.length,
    last: Number(events.at(-1)?.position ?? 0n),
    end: Number(cursor.position),
    live: caughtUp,
    d: digest.end(),
    t: monotonicMs(),
  });
}
