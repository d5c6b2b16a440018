import type { TenantFeed } from "../../../src/service/tenant-feed.js";
import { wrap } from "../wrap.js";
import type { Bug } from "./bug.js";

/** How close to the end a reader of the database takes itself for live. */
const NEAR = 2000n;

/** Whoever has nearly caught up goes on with what is in memory, which may begin later than it has read. */
export const lostHandOver: Bug = {
  name: "lost-hand-over",
  breaks: "Gapless",
  faults: ["client-reset"],
  roles: ["record", "follow", "follow-slowly"],
  settings: { HOLDFAST_MAX_RECENT_CHANGES: "64" },
  hub: (hub) =>
    wrap(hub, {
      hold(tenantId, view) {
        const held = hub.hold(tenantId, view);
        return held && { ...held, feed: hasty(held.feed) };
      },
    }),
};

function hasty(feed: TenantFeed): TenantFeed {
  return wrap(feed, {
    after(position, maxChanges) {
      const changes = feed.after(position, maxChanges);
      if (changes !== undefined || feed.end - position > NEAR) return changes;
      for (let from = position + 1n; from < feed.end; from += 1n) {
        const later = feed.after(from, maxChanges);
        if (later !== undefined) return later;
      }
      return changes;
    },
  });
}
