import type { Hub } from "../../src/service/hub.js";
import type { TenantFeed } from "../../src/service/tenant-feed.js";
import type { Failpoints } from "./failpoints.js";
import { wrap } from "./wrap.js";

/** A hub with failpoints where subscribers take their pages and where commits become known. */
export function failingHub(hub: Hub, failpoints: Failpoints): Hub {
  return wrap(hub, {
    // Told after the commit, in the turn in which the answers are made and before any is sent.
    committed(tenantId, commit) {
      failpoints.hitNow("before-ack");
      hub.committed(tenantId, commit);
    },
    hold(tenantId, view) {
      const held = hub.hold(tenantId, view);
      return held && { ...held, feed: failingFeed(held.feed, failpoints) };
    },
  });
}

function failingFeed(feed: TenantFeed, failpoints: Failpoints): TenantFeed {
  let pages = 0;
  let source: "memory" | "database" | undefined;
  return wrap(feed, {
    shared(key, make) {
      const page = feed.shared(key, make);
      if (pages > 1) failpoints.hitNow("between-pages");
      const next = page === undefined ? "database" : page.changes.length > 0 ? "memory" : source;
      if (source !== undefined && next !== source) failpoints.hitNow("hand-over");
      source = next;
      pages += 1;
      return page;
    },
  });
}
