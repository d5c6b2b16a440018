import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { StatusSchema } from "../../../../gen/google/rpc/status_pb.js";
import type { AppendStreamRequest } from "../../../../gen/holdfast/v1/event_pb.js";
import { propertyRuns } from "../../../../test/support/property-runs.js";
import type { HoldfastError } from "../holdfast-error.js";
import { LIMITS, onBatches, sendAnswer, sendDrain, sendOpened, store } from "../testing/append-script.js";
import { MemoryLog } from "../testing/memory-log.js";
import { useServers } from "../testing/use-servers.js";

const { serve, connect } = useServers();

/** What the server does with the next batch. */
const FAULTS = [
  "none",
  "none",
  "none",
  "cut before",
  "cut after",
  "drain",
  "end",
  "refuse",
  "defect",
] as const;

test("under any faults every record settles once, with its own position, and the log has them in order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...FAULTS), { maxLength: 12 }),
      fc.array(
        fc.record({ count: fc.integer({ min: 1, max: 120 }), pauseMs: fc.integer({ min: 0, max: 4 }) }),
        {
          minLength: 1,
          maxLength: 6,
        },
      ),
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 4 }),
      async (faults, bursts, maxEntriesPerBatch, maxInFlightBatches) => {
        const log = new MemoryLog();
        const plan = [...faults];
        const server = await serve({
          appendStream: (call) => {
            // A server that could not take a batch takes none after it on that stream.
            let broken = false;
            let over = false;
            onBatches(
              (_call, batch) => {
                if (over) return;
                const fault = broken ? "refuse" : (plan.shift() ?? "none");
                switch (fault) {
                  case "cut after":
                    log.append(batch.entries);
                    over = true;
                    call.emit("error", { code: 14, details: "cut" });
                    return;
                  case "cut before":
                    over = true;
                    call.emit("error", { code: 14, details: "cut" });
                    return;
                  case "end":
                    over = true;
                    call.end();
                    return;
                  case "refuse":
                    broken = true;
                    sendAnswer(call, batch.sequence, {
                      case: "error",
                      value: { code: 14, message: "later" },
                    });
                    return;
                  case "defect": {
                    // Stored, and the server does not know it: an answer from a database was lost.
                    const result = log.append(batch.entries);
                    result.positions[0] = 0n;
                    const status = create(StatusSchema, { code: 13, message: "no" });
                    result.rejections.push({ $typeName: "holdfast.v1.Rejection", index: 0, status });
                    sendAnswer(call, batch.sequence, { case: "result", value: result });
                    return;
                  }
                  case "drain":
                    sendDrain(call);
                    store(call, log, batch);
                    return;
                  default:
                    store(call, log, batch);
                }
              },
              { ...LIMITS, maxEntriesPerBatch, maxInFlightBatches },
            )(call);
          },
        });
        const client = connect(server);
        const recorder = client.recorder();
        const settled = new Map<string, number>();
        const all: Promise<void>[] = [];
        const ids: string[] = [];
        for (const { count, pauseMs } of bursts) {
          for (let i = 0; i < count; i++) {
            const record = recorder.observe({ type: i % 17 === 5 ? "bad" : "good" });
            if (i % 17 !== 5) ids.push(record.id);
            all.push(
              record.then(
                ({ id, position }) => {
                  settled.set(id, (settled.get(id) ?? 0) + 1);
                  expect(position).toBe(log.positionOf(id));
                },
                (error: HoldfastError) => {
                  expect(error.code).toBe("INVALID_ARGUMENT");
                },
              ),
            );
          }
          await new Promise((resolve) => setTimeout(resolve, pauseMs));
        }
        await Promise.all(all);
        expect(log.ids).toEqual(ids);
        expect([...settled.values()].every((times) => times === 1)).toBe(true);
        expect(await recorder.close()).toMatchObject({ stored: ids.length, pending: 0 });
        await client.close();
        server.kill();
      },
    ),
    { numRuns: propertyRuns(40), interruptAfterTimeLimit: 15_000 },
  );
});

/**
 * A server that drains its first stream and never ends it, in answer to its opening or just before it answers a batch.
 */
async function serveFirstDrained(drainsAt: "open" | "batch") {
  const log = new MemoryLog();
  let streams = 0;
  const server = await serve({
    appendStream: (call) => {
      streams += 1;
      const isFirst = streams === 1;
      const isDrained = (at: string | undefined) => isFirst && at === drainsAt;
      call.on("error", () => {});
      call.on("data", ({ request }: AppendStreamRequest) => {
        if (isDrained(request.case)) sendDrain(call);
        else if (request.case === "open") sendOpened(call);
        if (request.case === "batch") store(call, log, request.value);
      });
      if (!isFirst) call.on("end", () => call.end());
    },
  });
  return { log, recorder: connect(server).recorder(), streams: () => streams };
}

test("a server that drains a stream and never ends it is left, and what comes later is stored over another stream", async () => {
  const { log, recorder, streams } = await serveFirstDrained("batch");
  const ids: string[] = [];
  for (let i = 0; i < 2; i += 1) ids.push((await recorder.observe({ type: "seen" })).id);
  expect(log.ids).toEqual(ids);
  expect(streams()).toBe(2);
  expect(await recorder.close()).toMatchObject({ stored: 2, pending: 0 });
});

test("a recorder whose server drains before anything is recorded, and never ends the stream, stores what comes", async () => {
  const { log, recorder, streams } = await serveFirstDrained("open");
  const { id } = await recorder.observe({ type: "seen" });
  expect(log.ids).toEqual([id]);
  expect(streams()).toBe(2);
});
