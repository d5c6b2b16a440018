import { expect, test } from "vitest";
import { ActionService } from "../../gen/holdfast/v1/action_pb.js";
import { CrossSessionPatternService } from "../../gen/holdfast/v1/cross_session_pattern_pb.js";
import { SessionService, SessionStatus } from "../../gen/holdfast/v1/session_pb.js";
import { useAbusedServer } from "../support/abused-server.js";
import { besideModestTenant } from "../support/beside-modest-tenant.js";
import { copyRows } from "../support/copy-rows.js";
import { present } from "../support/tenant.js";

// However slow the machine is.
const server = useAbusedServer({ HOLDFAST_SCAN_TIMEOUT_MS: "600000" });
const ACTIONS = 20_000;
const MININGS = 3;
/** As long as it may take on a machine that is busy with other things. */
const TIMEOUT_MS = 180_000;

const COPY_ID = "md5('action ' || n)::uuid";

/** A finished session of many actions: one is created, the others are copies of its row with names of their own. */
async function seed(): Promise<void> {
  const abuser = server.as("abuser");
  const { session } = await abuser.unary(SessionService.method.openSession, { session: {} });
  const { id: sessionId } = present(session);
  const { action } = await abuser.unary(ActionService.method.createAction, {
    action: { sessionId, type: "tool", name: "first" },
  });
  await abuser.unary(SessionService.method.closeSession, { id: sessionId, status: SessionStatus.COMPLETED });
  const { id } = present(action);
  const copies = {
    total: ACTIONS,
    own: { id: COPY_ID, entity_id: COPY_ID, position: "position + 1000000 + n" },
  };
  // Hardly any sequence of three occurs twice.
  const own = { ...copies.own, name: "'action ' || (hashint4(n) & 255)" };
  await copyRows(server.databaseUrl, { ...copies, table: "actions", row: `id = '${id}'`, own });
  // An action stands where its first revision does.
  await copyRows(server.databaseUrl, {
    ...copies,
    table: "revisions",
    row: `entity_id = '${id}'`,
    own: { ...copies.own, request_id: COPY_ID },
  });
}

test(
  "minings that find hundreds of thousands of sequences hold no other tenant up",
  async () => {
    await seed();
    const abuser = server.as("abuser");
    const request = { minSupport: 1, maxLength: 10, limit: 3 };
    const mine = () => abuser.unary(CrossSessionPatternService.method.minePatterns, request);
    await besideModestTenant(server, async () => {
      const mined = await Promise.all(Array.from({ length: MININGS }, mine));
      for (const { patterns, sessionCount } of mined) {
        expect(sessionCount).toBe(1n);
        expect(patterns.map(({ actions }) => actions.length)).toEqual([10, 10, 10]);
      }
    });
    expect(await server.metric("holdfast_worker_tasks_total", 'task="mineSequences",outcome="done"')).toBe(
      MININGS,
    );
  },
  TIMEOUT_MS,
);
