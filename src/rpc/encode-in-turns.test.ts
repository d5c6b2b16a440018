import { create, fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ListEventsResponseSchema } from "../../gen/holdfast/v1/event_pb.js";
import { encodeInTurns } from "./encode-in-turns.js";

test("an answer encoded in turns is the same message, and every some items others have their turn", async () => {
  const answer = {
    events: Array.from({ length: 100 }, (_, i) => ({
      position: BigInt(i + 1),
      entity: { case: "observation" as const, value: { type: "t", content: `content ${i}` } },
    })),
    nextPageToken: "next",
    lastPosition: 100n,
    cursor: { logId: "log", position: 100n },
  };
  for (const given of [answer, create(ListEventsResponseSchema, answer)]) {
    let turns = 0;
    const encoded = await encodeInTurns(ListEventsResponseSchema, { ...given }, () => {
      turns += 1;
      return turns % 2 === 0 ? new Promise((resolve) => setImmediate(resolve)) : undefined;
    });
    expect(fromBinary(ListEventsResponseSchema, encoded.take())).toEqual(
      create(ListEventsResponseSchema, answer),
    );
    expect(turns).toBeGreaterThan(5);
  }
});

test("an answer without any items is the same message too", async () => {
  const encoded = await encodeInTurns(
    ListEventsResponseSchema,
    { events: [], nextPageToken: "next" },
    () => undefined,
  );
  expect(fromBinary(ListEventsResponseSchema, encoded.take())).toEqual(
    create(ListEventsResponseSchema, { nextPageToken: "next" }),
  );
});
