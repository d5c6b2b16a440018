import type { ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { useServers } from "../testing/use-servers.js";

const { serve, connect } = useServers();

test("every change carries an id of its own, and a retry of the client's carries the same", async () => {
  const requests: unknown[] = [];
  // Each call fails once; its retry is answered with what answers every method of the service here.
  const flaky = (call: ServerUnaryCall<object, object>, answer: sendUnaryData<object>) => {
    requests.push(call.request);
    if (requests.length % 2 === 1) answer({ code: 14, details: "later" });
    else answer(null, { goal: {}, actionSelector: {} });
  };
  const script = (...names: string[]) => Object.fromEntries(names.map((name) => [name, flaky]));
  const server = await serve(
    script(
      "createGoal",
      "updateGoal",
      "deleteGoal",
      "nextGoal",
      "renewGoalLease",
      "releaseGoal",
      "recordOutcome",
      "mergeActionSelector",
      "selectAction",
      "forkSession",
    ),
  );
  const { goals, selectors, sessions } = connect(server);
  await goals.create({ title: "t" });
  await goals.update("g", { title: "u" });
  await goals.delete("g");
  await goals.next("planner");
  await goals.renewLease("g", "planner");
  await goals.releaseGoal("g", "planner");
  await selectors.recordOutcome("s", { action: "a", score: 1 });
  await selectors.merge("s", { actionScores: { a: 1 } });
  await selectors.select("s", { candidates: ["a"] });
  expect(requests).toHaveLength(18);
  const ids = new Set<string>();
  for (let i = 0; i < requests.length; i += 2) {
    expect(requests[i + 1]).toEqual(requests[i]);
    const { requestId, goal } = requests[i] as { requestId?: string; goal?: { id: string } };
    ids.add(requestId ?? goal?.id ?? "");
  }
  expect([...ids].filter((id) => /^[0-9a-f-]{36}$/.test(id))).toHaveLength(9);

  // Not a session: what an answer must hold and does not is told, not passed on as undefined.
  await expect(sessions.fork("s")).rejects.toMatchObject({ code: "INTERNAL" });
  const [first, second] = requests.slice(-2) as { session: { id: string } }[];
  expect(first?.session.id).toMatch(/^[0-9a-f-]{36}$/);
  expect(second?.session.id).toBe(first?.session.id);
});
