import { randomUUID } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { type Action, ActionStatus } from "../gen/holdfast/v1/action_pb.js";
import { SessionService } from "../gen/holdfast/v1/session_pb.js";
import { action, finishAction, payload, startAction } from "./support/entries.js";
import { refusalFromStatus } from "./support/refusal.js";
import { newTenant, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

const { PENDING, RUNNING, SUCCEEDED, PARTIAL, FAILED, CANCELLED } = ActionStatus;
const servers = useServers({});

async function states(tenant: Tenant): Promise<Action[]> {
  return (await tenant.listAll()).map((event) => event.entity.value as Action);
}

describe("an action", () => {
  test("is PENDING when created, RUNNING when started, and what it is finished as", async () => {
    const tenant = newTenant(servers.app());
    const id = randomUUID();
    await tenant.append(
      action({ id, name: "look it up", parameters: payload('{"q":1}') }),
      startAction(id, { startTime: { seconds: 10n } }),
      finishAction(id, {
        status: PARTIAL,
        result: payload("half", "text/plain"),
        successScore: 0.5,
        cost: -0,
        completeTime: { seconds: 20n },
      }),
    );
    const [created, started, finished] = await states(tenant);
    expect(created).toMatchObject({ status: PENDING, revision: 1n, position: 1n });
    expect(started).toMatchObject({ status: RUNNING, revision: 2n, startTime: { seconds: 10n } });
    expect(finished).toMatchObject({
      id,
      name: "look it up",
      status: PARTIAL,
      revision: 3n,
      position: 3n,
      successScore: 0.5,
      cost: -0,
      startTime: { seconds: 10n },
      completeTime: { seconds: 20n },
      createTime: created?.createTime,
    });
    expect(Buffer.from(finished?.parameters?.data ?? []).toString()).toBe('{"q":1}');
    expect(Buffer.from(finished?.result?.data ?? []).toString()).toBe("half");
  });

  test("may be created as what it already is", async () => {
    const tenant = newTenant(servers.app());
    const { rejections } = await tenant.append(action({ status: SUCCEEDED }), action({ status: RUNNING }));
    expect(rejections).toEqual([]);
    expect((await states(tenant)).map((each) => each.status)).toEqual([SUCCEEDED, RUNNING]);
  });

  test("finished without a status has SUCCEEDED", async () => {
    const tenant = newTenant(servers.app());
    const id = randomUUID();
    await tenant.append(action({ id }), finishAction(id));
    expect((await states(tenant)).map((each) => each.status)).toEqual([PENDING, SUCCEEDED]);
  });

  test.each([
    ["started twice", [startAction, startAction], "RUNNING", "RUNNING"],
    ["finished twice", [finishAction, finishAction], "SUCCEEDED", "SUCCEEDED"],
    ["started once finished", [finishAction, startAction], "SUCCEEDED", "RUNNING"],
  ])("cannot be %s, whether in one batch or two", async (_, changes, from, to) => {
    const tenant = newTenant(servers.app());
    for (const isOneBatch of [true, false]) {
      const id = randomUUID();
      const entries = [action({ id }), ...changes.map((change) => change(id))];
      const results = isOneBatch
        ? [await tenant.append(...entries)]
        : await Promise.all(entries.map((entry) => tenant.append(entry)));
      const rejections = results.flatMap((result) => result.rejections);
      expect(rejections).toHaveLength(1);
      expect(refusalFromStatus(rejections[0]?.status)).toMatchObject({
        code: status.FAILED_PRECONDITION,
        reason: "ILLEGAL_TRANSITION",
        metadata: { entity: "action", id, from, to },
      });
    }
  });

  test.each([FAILED, CANCELLED, PARTIAL, SUCCEEDED])("finished as %s stays so", async (final) => {
    const tenant = newTenant(servers.app());
    const id = randomUUID();
    await tenant.append(action({ id }), startAction(id), finishAction(id, { status: final }));
    for (const other of [FAILED, CANCELLED, PARTIAL, SUCCEEDED]) {
      const { rejections } = await tenant.append(finishAction(id, { status: other }));
      expect(rejections).toHaveLength(1);
    }
    expect((await states(tenant)).at(-1)?.status).toBe(final);
  });

  test("finished by many at once is finished by one", async () => {
    const tenant = newTenant(servers.app());
    const id = randomUUID();
    await tenant.append(action({ id }));
    const results = await Promise.all(Array.from({ length: 8 }, () => tenant.append(finishAction(id))));
    expect(results.filter((result) => result.rejections.length === 0)).toHaveLength(1);
    expect(await states(tenant)).toHaveLength(2);
  });

  test("finished again with the same request_id answers with the first position", async () => {
    const tenant = newTenant(servers.app());
    const id = randomUUID();
    const finish = finishAction(id);
    const { positions } = await tenant.append(action({ id }), finish);
    const again = await tenant.append(finish);
    expect(again).toMatchObject({ positions: [positions[1]], duplicates: [0], rejections: [] });
  });

  test("finished as what finishes nothing is refused, naming every wrong field", async () => {
    const tenant = newTenant(servers.app());
    const { rejections } = await tenant.append(
      finishAction("nonsense", { status: RUNNING, requestId: "nonsense" }),
      finishAction(randomUUID(), { status: 99 as ActionStatus }),
      action({ status: 99 as ActionStatus, successScore: 2, goalId: "nonsense" }),
    );
    expect(rejections.map((rejection) => refusalFromStatus(rejection.status).fields)).toEqual([
      [
        "entries[0].finish_action.action_id",
        "entries[0].finish_action.request_id",
        "entries[0].finish_action.status",
      ],
      ["entries[1].finish_action.status"],
      ["entries[2].action.goal_id", "entries[2].action.status", "entries[2].action.success_score"],
    ]);
  });

  test("finished with a field that is wrong is refused where it stands in the request", async () => {
    const tenant = newTenant(servers.app());
    const id = randomUUID();
    const { rejections } = await tenant.append(
      action({ id }),
      finishAction(id, { successScore: Number.NaN, completeTime: { seconds: 1n << 50n } }),
    );
    expect(refusalFromStatus(rejections[0]?.status).fields).toEqual([
      "entries[1].finish_action.complete_time",
      "entries[1].finish_action.success_score",
    ]);
  });

  test("of a closed session cannot be started or finished", async () => {
    const tenant = newTenant(servers.app());
    const { id: sessionId } = await tenant.open();
    const id = randomUUID();
    await tenant.append(action({ id, sessionId }));
    await tenant.rpc.unary(SessionService.method.closeSession, { id: sessionId });
    const { rejections } = await tenant.append(startAction(id), finishAction(id));
    expect(rejections.map((rejection) => refusalFromStatus(rejection.status).reason)).toEqual([
      "SESSION_CLOSED",
      "SESSION_CLOSED",
    ]);
  });
});
