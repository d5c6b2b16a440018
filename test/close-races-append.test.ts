import { describe, expect, test } from "vitest";
import { SessionService, SessionStatus } from "../gen/holdfast/v1/session_pb.js";
import { openWriter } from "./support/append-writer.js";
import { action, observation } from "./support/entries.js";
import { rejectionsByIndex } from "./support/refusal.js";
import { newTenant, present } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";
import { expectSoundLog } from "./support/verify-log.js";

const servers = useServers({}, {});

describe("closing a session while others append to it", () => {
  test("leaves nothing of the session after its close, and rejects what came too late", async () => {
    const tenant = newTenant(servers.app());
    const tenants = [tenant, tenant.on(servers.app(1))];
    const writers = await Promise.all(tenants.flatMap((each) => [openWriter(each), openWriter(each)]));
    for (let round = 0; round < 8; round++) {
      const { id: sessionId } = await tenant.open();
      let isClosed = false;
      const appending = writers.map(async (writer, w) => {
        let stored = 0;
        for (let sequence = 0n; ; sequence++) {
          const wasClosed = isClosed;
          const entries = [
            observation({ sessionId }),
            w % 2 ? action({ sessionId }) : observation({ sessionId }),
          ];
          const { positions, rejections } = await writer.append(sequence, ...entries);
          stored += positions.filter((position) => position > 0n).length;
          for (const { reason } of rejectionsByIndex(rejections).values()) {
            expect(reason).toBe("SESSION_CLOSED");
          }
          if (wasClosed) {
            expect(rejections).toHaveLength(2);
            return stored;
          }
        }
      });
      // After some of what is under way, not before all of it.
      for (let i = 0; i < 1 + (round % 4); i++) await tenant.append(observation());
      const closing = present(tenants[round % 2]).rpc.unary(SessionService.method.closeSession, {
        id: sessionId,
      });
      const { session: closed } = await closing;
      isClosed = true;
      const stored = (await Promise.all(appending)).reduce((sum, each) => sum + each, 0);
      const events = await tenant.listAll({ filter: { sessionIds: [sessionId] } });
      expect(events).toHaveLength(stored + 2);
      expect(events.at(-1)?.entity.value).toMatchObject({ status: SessionStatus.COMPLETED });
      expect(events.at(-1)?.position).toBe(closed?.position);
    }
    await expectSoundLog(servers.databaseUrl, tenant.id);
  });
});
