import { CommitTrail } from "../../../src/service/commit-trail.js";
import { RecentChanges } from "../../../src/service/recent-changes.js";
import { TenantFeed } from "../../../src/service/tenant-feed.js";
import type { CommitMark } from "../../../src/store/commit-mark.js";
import type { Run } from "../../../src/store/database.js";
import { alterConnections } from "../alter-connections.js";
import { wrap } from "../wrap.js";
import type { Bug } from "./bug.js";

/** The feed that was held last, of each tenant. */
const feeds = new Map<string, TenantFeed>();

/** A feed takes whatever follows its end in the log for what follows what it has. */
export const feedWithoutComparison: Bug = {
  name: "feed-without-comparison",
  breaks: "Gapless",
  faults: ["failover-async"],
  roles: ["record", "append-batches", "follow", "follow-slowly"],
  database: (database) =>
    alterConnections(database, (connections) => ({
      read: (tenantId, read, bounds) =>
        connections.read(tenantId, (run) => read(withKnownEnd(run, tenantId)), bounds),
    })),
  hub(hub) {
    TenantFeed.prototype.polled = function (_, position) {
      this.hint(position);
    };
    RecentChanges.prototype.commit = function (part) {
      return this.add(part.changes(), [part.mark]);
    };
    CommitTrail.prototype.has = () => undefined;
    return wrap(hub, {
      hold(tenantId, view) {
        const held = hub.hold(tenantId, view);
        if (held) feeds.set(tenantId, held.feed);
        return held;
      },
    });
  },
};

/** Tells the commit that ends where the feed does as the feed knows it. */
function withKnownEnd(run: Run, tenantId: string): Run {
  return async (statement) => {
    const mark = feeds.get(tenantId)?.mark;
    const rows = await run(statement);
    if (typeof statement === "string" || statement.name !== "commits from") return rows as never;
    if (!mark || mark.position === 0n || statement.values?.[1] !== mark.position) return rows as never;
    const found = rows as unknown as [CommitMark["position"], CommitMark["hash"]][];
    return [[mark.position, mark.hash], ...found.filter(([position]) => position > mark.position)] as never;
  };
}
