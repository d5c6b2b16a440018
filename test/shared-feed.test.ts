import { setTimeout as delay } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import type { EventFilterSchema } from "../gen/holdfast/v1/event_pb.js";
import { EntityKind } from "../gen/holdfast/v1/log_pb.js";
import { metric, observation } from "./support/entries.js";
import { newTenant, present, readUpTo } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

// So few recent changes that part of a crowd falls behind them, and one connection for those who do.
const servers = useServers({ maxRecentChanges: 60, databaseConnections: 4 }, {});

/** More than are told of each commit at once. */
const CROWD = 80;
const BATCHES = 40;

describe("a crowd that follows one log", () => {
  test("is told everything once and in order, whoever wrote it, each what he asked for", async () => {
    const tenant = newTenant(servers.app(0));
    const writers = [tenant, tenant.on(servers.app(1))];
    const session = await tenant.open();
    const filters: readonly MessageInitShape<typeof EventFilterSchema>[] = [
      {},
      { sessionIds: [session.id] },
      { agentIds: ["odd"] },
      { entityKinds: [EntityKind.PERFORMANCE_METRIC] },
    ];
    const crowd = Array.from({ length: CROWD }, (_, i) => ({
      filter: present(filters[i % filters.length]),
      // Some from the start, some as they come; some in between stop to read for a while.
      answers: tenant.subscribe({ filter: present(filters[i % filters.length]), after: { position: 0n } }),
      isSlow: i % 5 === 0,
    }));
    await Promise.all(crowd.map(({ answers }) => answers.next()));
    let last = 0n;
    for (let batch = 0; batch < BATCHES; batch++) {
      const agentId = batch % 2 === 0 ? "even" : "odd";
      const entries = [
        observation({ agentId, sessionId: session.id }),
        observation({ agentId }),
        metric({ agentId }),
      ];
      const { positions } = await present(writers[batch % 2]).append(...entries);
      last = positions.reduce((most, each) => (each > most ? each : most), last);
    }
    // The session's own opening is the first of its events, and was read before.
    const events = await Promise.all(
      crowd.map(async ({ filter, answers, isSlow }) => {
        if (isSlow) await delay(200);
        return { filter, events: await readUpTo(answers, last) };
      }),
    );
    const expected = new Map(
      await Promise.all(
        filters.map(
          async (filter) => [filter, await tenant.listAll({ filter, after: { position: 1n } })] as const,
        ),
      ),
    );
    for (const { filter, events: told } of events) {
      expect(told.filter(({ position }) => position > 1n)).toEqual(expected.get(filter));
    }
    expect(present(expected.get(present(filters[0])))).toHaveLength(3 * BATCHES);
    expect(present(expected.get(present(filters[2])))).toHaveLength(1.5 * BATCHES);
  });
});
