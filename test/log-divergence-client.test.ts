import { randomUUID } from "node:crypto";
import {
  type Cursor,
  connect,
  cursorFromText,
  cursorToText,
  type Holdfast,
  HoldfastError,
} from "@holdfast/client";
import { describe, expect, onTestFinished, test } from "vitest";
import { rewindLog } from "./support/rewind-log.js";
import { useServers } from "./support/use-server.js";

const servers = useServers({ pollIntervalMs: 50 });

function newClient(): { readonly client: Holdfast; readonly tenantId: string } {
  const { host, port } = servers.app().grpc;
  const tenantId = randomUUID();
  const client = connect({ address: `${host}:${port}`, tenantId });
  onTestFinished(() => client.close());
  return { client, tenantId };
}

/** One commit. */
function write(client: Holdfast, count: number) {
  return client.events.append(
    Array.from({ length: count }, () => ({ case: "observation", value: { type: "result" } }) as const),
  );
}

describe("a client whose log lost what it was told", () => {
  test("hears LOG_DIVERGED, and goes on from the last of its cursors that the log still has", async () => {
    const { client, tenantId } = newClient();
    const interruptions: HoldfastError[] = [];
    const subscription = client.events.subscribe({
      after: "start",
      onInterrupted: (error) => interruptions.push(error),
    });
    const kept: string[] = [];
    const keep = (cursor: Cursor | undefined) => cursor && kept.push(cursorToText(cursor));
    let failure: unknown;
    const following = (async () => {
      for await (const event of subscription) {
        keep(subscription.cursor);
        if (event.position === 7n) await rewindLog(servers.databaseUrl, tenantId, 3n);
      }
    })().catch((error: unknown) => {
      failure = error;
    });
    await subscription.opened();
    // Each commit by itself: a cursor from within a page is compared by the end of the page.
    for (const [size, end] of [
      [1, 1n],
      [2, 3n],
      [4, 7n],
    ] as const) {
      await write(client, size);
      await expect.poll(() => subscription.cursor?.position ?? 0n, { timeout: 60_000 }).toBe(end);
    }
    await following;
    expect(failure).toBeInstanceOf(HoldfastError);
    expect(failure).toMatchObject({
      code: "FAILED_PRECONDITION",
      reason: "LOG_DIVERGED",
      retryable: false,
      metadata: { position: "7", last_position: "3", common_position: "3" },
    });
    expect(interruptions).toEqual([]);

    await write(client, 5);
    const cursors = kept.map(cursorFromText);
    const common = await client.events.lastCommonCursor(cursors);
    expect(common).toMatchObject({ position: 3n, commitPosition: 3n });
    const positions: bigint[] = [];
    for await (const { position } of client.events.subscribe({ after: common })) {
      positions.push(position);
      if (position === 8n) break;
    }
    expect(positions).toEqual([4n, 5n, 6n, 7n, 8n]);
    const last = cursors.at(-1);
    await expect(client.observations.page({}, { minPosition: last })).rejects.toMatchObject({
      reason: "LOG_DIVERGED",
    });
    expect((await client.observations.page({}, { minPosition: common })).items).toHaveLength(8);
    await expect(client.events.page({ after: last })).rejects.toMatchObject({ reason: "LOG_DIVERGED" });
  });

  test("has no cursor to go on from when the log has none of them", async () => {
    const { client, tenantId } = newClient();
    await write(client, 2);
    await write(client, 2);
    const { cursor } = await client.events.page({}, { pageSize: 1 });
    await rewindLog(servers.databaseUrl, tenantId, 0n);
    expect(await client.events.lastCommonCursor([cursor])).toBeUndefined();
    await write(client, 2);
    expect(await client.events.lastCommonCursor([cursor])).toBeUndefined();
    const other = newClient().client;
    await write(other, 2);
    expect(await other.events.lastCommonCursor([cursor])).toBeUndefined();
  });

  test("reads anew what is in force when a watch of configurations ends so", async () => {
    const { client, tenantId } = newClient();
    await client.configurations.create({ key: "kept" });
    const watch = client.configurations.watch();
    const told: string[] = [];
    const following = (async () => {
      for await (const { key } of watch) {
        told.push(key);
        if (key === "kept") await client.configurations.create({ key: "lost" });
        if (key === "lost") await rewindLog(servers.databaseUrl, tenantId, 1n);
      }
    })();
    await expect(following).rejects.toMatchObject({ reason: "LOG_DIVERGED" });
    expect(told).toEqual(["kept", "lost"]);
    const { configurations, cursor } = await client.configurations.resolve();
    expect(configurations.map(({ key }) => key)).toEqual(["kept"]);
    await client.configurations.create({ key: "new" });
    for await (const { key } of client.configurations.watch({ after: cursor })) {
      expect(key).toBe("new");
      break;
    }
  });
});

test("a cursor that was kept as text is what it was, and other text is refused", async () => {
  const { client } = newClient();
  await write(client, 2);
  const { cursor } = await client.events.page({}, { pageSize: 1 });
  expect(cursor).toMatchObject({ position: 1n, commitPosition: 2n });
  expect(cursorFromText(cursorToText(cursor))).toEqual(cursor);
  for (const text of ["", "7", '{"position":"x"}', "{"]) {
    expect(() => cursorFromText(text)).toThrow(/^expected a cursor as cursorToText writes it, got /);
  }
});
