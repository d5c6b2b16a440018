import { setTimeout as delay } from "node:timers/promises";
import { type ServiceError, status } from "@grpc/grpc-js";
import { connect } from "@holdfast/client";
import { expect, onTestFinished, test } from "vitest";
import { AdminService } from "../gen/holdfast/v1/admin_pb.js";
import { CrossSessionPatternService } from "../gen/holdfast/v1/cross_session_pattern_pb.js";
import { DecisionService } from "../gen/holdfast/v1/decision_pb.js";
import { EventService } from "../gen/holdfast/v1/event_pb.js";
import { GoalService } from "../gen/holdfast/v1/goal_pb.js";
import { MemoryService } from "../gen/holdfast/v1/memory_pb.js";
import { ObservationService } from "../gen/holdfast/v1/observation_pb.js";
import { observation } from "./support/entries.js";
import { query, withConnection } from "./support/query.js";
import { newTenant, present } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

const server = useServers({ databaseConnections: 3 });

const waiting = `SELECT pid, query FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'holdfast' AND wait_event_type = 'Lock'`;

const READ_TABLES =
  "observations decisions goals memories cross_session_patterns revisions tenant_logs".split(" ");

/** Keeps tables locked, so that what reads or writes them takes for ever. */
async function lockTables(tables: readonly string[]): Promise<() => Promise<void>> {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let done: Promise<void> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    done = withConnection(server.databaseUrl, async (client) => {
      await client.query("BEGIN");
      for (const table of tables) {
        await client.query(`LOCK TABLE holdfast.${table} IN ACCESS EXCLUSIVE MODE`);
      }
      resolve();
      await released;
      await client.query("ROLLBACK");
    });
    done.catch(reject);
  });
  const unlock = async () => {
    release();
    await done;
  };
  onTestFinished(unlock);
  return unlock;
}

async function untilWaiting(count: number): Promise<void> {
  for (
    const end = Date.now() + 60_000;
    (await query(server.databaseUrl, waiting)).length !== count;
    await delay(20)
  ) {
    if (Date.now() > end)
      throw new Error(`not ${count}: ${JSON.stringify(await query(server.databaseUrl, waiting))}`);
  }
}

test("a call that is cancelled, or whose deadline passes, ends its query in the database", async () => {
  const tenant = newTenant(server.app());
  const { id: sessionId } = await tenant.open();
  const { positions } = await tenant.append(observation({ sessionId }));
  const { rpc } = tenant;
  const id = present((await tenant.listAll())[1]?.entity.value).id as string;
  const unlock = await lockTables(READ_TABLES);
  const reads = [
    (deadline: number) => rpc.unary(GoalService.method.listGoals, {}, { deadline }),
    (deadline: number) => rpc.unary(GoalService.method.listGoalRevisions, { id }, { deadline }),
    (deadline: number) => rpc.unary(MemoryService.method.searchMemories, { text: "kelp" }, { deadline }),
    (deadline: number) => rpc.unary(EventService.method.listEvents, {}, { deadline }),
    (deadline: number) => rpc.unary(AdminService.method.getStatistics, {}, { deadline }),
    (deadline: number) => rpc.unary(DecisionService.method.explainAction, { actionId: id }, { deadline }),
    (deadline: number) => rpc.unary(CrossSessionPatternService.method.queryPatterns, {}, { deadline }),
    (deadline: number) =>
      rpc.unary(
        AdminService.method.getStateAt,
        { subject: { case: "sessionId", value: sessionId } },
        { deadline },
      ),
  ];
  for (const read of reads) {
    const error = await read(Date.now() + 400).then(
      () => expect.fail("expected it to take too long"),
      (thrown: ServiceError) => thrown,
    );
    expect(error.code).toBe(status.DEADLINE_EXCEEDED);
    // With three connections the fourth would find none if those before still ran.
    await untilWaiting(0);
  }

  const { host, port } = server.app().grpc;
  const client = connect({ address: `${host}:${port}`, tenantId: tenant.id, deadlineMs: 0 });
  onTestFinished(() => client.close({ timeoutMs: 0 }));
  for (let round = 0; round < 3; round++) {
    const caller = new AbortController();
    const calls = [1, 2, 3, 4, 5, 6].map(() => client.goals.page({}, { signal: caller.signal }));
    const outcomes = Promise.allSettled(calls);
    await untilWaiting(3);
    caller.abort();
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ reason: { code: "CANCELLED" } });
    await untilWaiting(0);
  }

  await unlock();
  // The connections are as good as new, and whoever is next is not hit.
  const found = await Promise.all(
    Array.from({ length: 20 }, () => rpc.unary(ObservationService.method.listObservations, {})),
  );
  expect(found.map(({ observations }) => observations[0]?.position)).toEqual(Array(20).fill(positions[0]));
});

test("a write that many share goes on when one of its callers leaves", async () => {
  const tenant = newTenant(server.app());
  const { host, port } = server.app().grpc;
  const leaving = connect({ address: `${host}:${port}`, tenantId: tenant.id });
  onTestFinished(() => leaving.close({ timeoutMs: 0 }));
  // The server takes writes again: the heartbeat needs the table of logs, which was locked.
  await leaving.events.append([{ case: "observation", value: {} }]);
  const unlock = await lockTables(["observations"]);
  const caller = new AbortController();
  const left = leaving.events.append([{ case: "observation", value: {} }], { signal: caller.signal });
  const refused = expect(left).rejects.toMatchObject({ code: "CANCELLED" });
  await untilWaiting(1);
  caller.abort();
  await refused;
  const stays = tenant.append(observation());
  await delay(100);
  await unlock();
  expect((await stays).positions).toEqual([3n]);
  expect(await tenant.listAll()).toHaveLength(3);
});
