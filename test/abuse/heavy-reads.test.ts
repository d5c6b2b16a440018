import { randomUUID } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { beforeAll, expect, test } from "vitest";
import { AdminService } from "../../gen/holdfast/v1/admin_pb.js";
import { EventService } from "../../gen/holdfast/v1/event_pb.js";
import { GoalService } from "../../gen/holdfast/v1/goal_pb.js";
import { ObservationService } from "../../gen/holdfast/v1/observation_pb.js";
import { reasonOf } from "../../src/rpc/testing/status-details.js";
import { useAbusedServer } from "../support/abused-server.js";
import { besideModestTenant } from "../support/beside-modest-tenant.js";
import { RpcClient } from "../support/rpc-client.js";

/** As many as one page holds, and so large that they fill it. */
const ROWS = 1000;
const CONTENT = "x".repeat(900);
const BATCH = 500;
const PARALLEL = 60;
/** Milliseconds: a busy machine may take ten times as long. */
const TIMEOUT_MS = 240_000;
const server = useAbusedServer();
const ids = Array.from({ length: ROWS }, () => randomUUID());

beforeAll(async () => {
  const client = new RpcClient(server.grpc, { token: server.token("abuser") });
  for (let from = 0; from < ROWS; from += BATCH) {
    const entries = ids.slice(from, from + BATCH).map((id) => ({
      entry: {
        case: "observation" as const,
        value: { id, type: "seen", agentId: "agent", content: CONTENT },
      },
    }));
    await client.unary(EventService.method.append, { entries });
  }
  client.close();
});

/** All answers of so many calls at once. */
function inParallel<T>(count: number, call: (n: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => call(n)));
}

test("states read in parallel delay nobody else, and all are served", { timeout: TIMEOUT_MS }, async () => {
  const abuser = server.as("abuser");
  const request = { subject: { case: "agentId" as const, value: "agent" }, pageSize: ROWS };
  const answers = await besideModestTenant(server, () =>
    inParallel(PARALLEL, () => abuser.unary(AdminService.method.getStateAt, request)),
  );
  expect(answers).toHaveLength(PARALLEL);
  for (const { items } of answers) expect(items.length).toBeGreaterThan(ROWS / 2);
});

test("large pages, batches and logs read in parallel delay nobody else, and all are served", {
  timeout: TIMEOUT_MS,
}, async () => {
  const abuser = server.as("abuser");
  const [lists, batches, logs] = await besideModestTenant(server, () =>
    Promise.all([
      inParallel(PARALLEL / 3, () =>
        abuser.unary(ObservationService.method.listObservations, { pageSize: ROWS }),
      ),
      inParallel(PARALLEL / 3, () => abuser.unary(ObservationService.method.batchGetObservations, { ids })),
      inParallel(PARALLEL / 3, () => abuser.unary(EventService.method.listEvents, { pageSize: ROWS })),
    ]),
  );
  for (const { observations } of lists) expect(observations.length).toBeGreaterThan(ROWS / 2);
  for (const { observations } of batches) expect(observations.map(({ id }) => id)).toEqual(ids);
  for (const { events } of logs) expect(events.length).toBeGreaterThan(ROWS / 2);
  expect(await server.metric("holdfast_waiting_heavy_calls")).toBe(0);
});

test("a batch of more bytes than an answer holds is refused before it is read, and smaller ones are served", async () => {
  const abuser = server.as("abuser");
  const large = Array.from({ length: 10 }, () => randomUUID());
  for (const id of large) {
    const observation = { id, type: "large", content: "x".repeat(1000 * 1000) };
    await abuser.unary(ObservationService.method.createObservation, { observation });
  }
  const refused = abuser.unary(ObservationService.method.batchGetObservations, { ids: large });
  await expect(refused).rejects.toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    details: expect.stringContaining("ask for fewer at a time"),
  });
  expect(reasonOf(await refused.catch((error) => error))).toBe("LIMIT_EXCEEDED");
  const { observations } = await abuser.unary(ObservationService.method.batchGetObservations, {
    ids: large.slice(0, 3).reverse(),
  });
  expect(observations.map(({ id }) => id)).toEqual(large.slice(0, 3).reverse());
});

test("a page of revisions ends where they fill it, and all of them are told", async () => {
  const abuser = server.as("abuser");
  const description = "x".repeat(600 * 1000);
  const { goal } = await abuser.unary(GoalService.method.createGoal, { goal: { title: "0", description } });
  const id = goal?.id ?? "";
  for (const title of ["1", "2", "3", "4"]) {
    await abuser.unary(GoalService.method.updateGoal, {
      goal: { id, title },
      updateMask: { paths: ["title"] },
    });
  }
  const titles: (string | undefined)[] = [];
  let pages = 0;
  for (let pageToken = ""; pages === 0 || pageToken !== ""; pages += 1) {
    const page = await abuser.unary(GoalService.method.listGoalRevisions, { id, pageSize: ROWS, pageToken });
    titles.push(...page.revisions.map((revision) => revision.goal?.title));
    pageToken = page.nextPageToken;
  }
  expect(titles).toEqual(["4", "3", "2", "1", "0"]);
  expect(pages).toBeGreaterThan(1);
});
