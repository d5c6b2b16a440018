import { expect, test } from "vitest";
import { cursorFromToken, pageSize, pageToken } from "./page-token.js";

test("a token gives back its cursor to the list it was made for", () => {
  const list = ["sessions", "tenant", "filter"];
  const cursor = ["-1", "0190c6b5-0000-7000-8000-000000000001"];
  const parts = ["whole number", "UUID"] as const;
  expect(cursorFromToken(pageToken(cursor, list), list, parts)).toEqual(cursor);
  expect(cursorFromToken("", list, parts)).toBeUndefined();
});

test("a token made by other hands is refused, whatever it holds", () => {
  const list = ["sessions"];
  for (const cursor of [["x"], ["1", "2"], [], ["1'; --"], ["9".repeat(40)]]) {
    expect(() => cursorFromToken(pageToken(cursor, list), list, ["whole number"])).toThrow("page_token");
  }
});

test("a token is refused by every other list, and when a character of it is changed", () => {
  const token = pageToken(["1"], ["a", "b"]);
  for (const list of [["a"], ["a", "c"], ["ab"], ["a", "b", ""]]) {
    expect(() => cursorFromToken(token, list, ["whole number"])).toThrow("page_token");
  }
  for (let i = 0; i < token.length; i++) {
    const changed = token.slice(0, i) + (token[i] === "A" ? "B" : "A") + token.slice(i + 1);
    expect(() => cursorFromToken(changed, ["a", "b"], ["whole number"]), changed).toThrow("page_token");
  }
});

test("a page has 50 unless asked for otherwise, and at most 1000", () => {
  expect([0, 1, 1000, 1001, 2 ** 31 - 1].map(pageSize)).toEqual([50, 1, 1000, 1000, 1000]);
  expect(() => pageSize(-1)).toThrow("page_size");
});
