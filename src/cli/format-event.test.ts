import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { EventSchema } from "../../gen/holdfast/v1/event_pb.js";
import { ChangeType } from "../../gen/holdfast/v1/log_pb.js";
import { formatEvent } from "./format-event.js";

test("maps of counts are shown as numbers in text, and embeddings by their length", () => {
  const change = ChangeType.CREATED;
  const selector = { type: "tool", actionCounts: { search: 2n } };
  const counted = create(EventSchema, { change, entity: { case: "actionSelector", value: selector } });
  expect(formatEvent(counted)).toContain('action_counts={"search":"2"}');
  const memory = { content: "tides", embedding: new Array<number>(1536).fill(0.5) };
  const remembered = create(EventSchema, { change, entity: { case: "memory", value: memory } });
  expect(formatEvent(remembered)).toContain("content=tides embedding=[1536 numbers]");
});
