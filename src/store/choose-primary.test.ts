import { expect, test } from "vitest";
import { choosePrimary, type WritableServer } from "./choose-primary.js";

function server(port: number, system: string, timeline: number, startTime = String(port)): WritableServer {
  return { host: { host: "h", port }, server: { system, timeline, startTime } };
}

test("of three servers the one of the highest timeline is chosen", () => {
  const newest = server(2, "1", 3);
  expect(choosePrimary([server(1, "1", 1), newest, server(3, "1", 2)])).toBe(newest);
});

test("of two names of one server the first is chosen", () => {
  const first = server(1, "1", 2, "same");
  expect(choosePrimary([first, server(2, "1", 2, "same")])).toBe(first);
});

test("two servers of one timeline conflict, whatever older ones there are", () => {
  expect(() => choosePrimary([server(1, "1", 2), server(2, "1", 1), server(3, "1", 2)])).toThrow(
    "h:1 (timeline 2) and h:3 (timeline 2)",
  );
});

test("servers of different database systems conflict, and the error names the systems", () => {
  expect(() => choosePrimary([server(1, "7", 2), server(2, "8", 5)])).toThrow(
    "h:1 (system 7, timeline 2) and h:2 (system 8, timeline 5)",
  );
});
