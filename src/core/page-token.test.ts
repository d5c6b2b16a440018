import { expect, test } from "vitest";
import { cursorFromToken, pageSize, pageToken } from "./page-token.js";

test("a token gives back its cursor to the list it was made for", () => {
  const list = ["sessions", "tenant", "filter"];
  const cursor = ["1", "é\0\"'💥", ""];
  expect(cursorFromToken(pageToken(cursor, list), list)).toEqual(cursor);
  expect(cursorFromToken("", list)).toBeUndefined();
});

test("a token is refused by every other list, and when a character of it is changed", () => {
  const token = pageToken(["1"], ["a", "b"]);
  for (const list of [["a"], ["a", "c"], ["ab"], ["a", "b", ""]]) {
    expect(() => cursorFromToken(token, list)).toThrow("page_token");
  }
  for (let i = 0; i < token.length; i++) {
    const changed = token.slice(0, i) + (token[i] === "A" ? "B" : "A") + token.slice(i + 1);
    expect(() => cursorFromToken(changed, ["a", "b"]), changed).toThrow("page_token");
  }
});

test("a page has 50 unless asked for otherwise, and at most 1000", () => {
  expect([0, 1, 1000, 1001, 2 ** 31 - 1].map(pageSize)).toEqual([50, 1, 1000, 1000, 1000]);
  expect(() => pageSize(-1)).toThrow("page_size");
});
