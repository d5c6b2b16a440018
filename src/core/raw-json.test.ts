import { describe, expect, test } from "vitest";
import { rawMembers } from "./raw-json.js";

describe("rawMembers", () => {
  test.each([
    "1",
    " 1 ",
    "-0.10E+5",
    "9223372036854775809",
    "null",
    '""',
    String.raw`"}\",{\\"`,
    '{"a":1,"a":2}',
    ' [ {"b":"]}"} , [] ]\n',
    "[]",
    "\t{}\r\n",
  ])("gives %j as it was written, wherever it stands", (value) => {
    const members = rawMembers(`{"first":${value},"a\\"b":${value},"last":${value}}`);
    expect([...members]).toEqual([
      ["first", value],
      ['a"b', value],
      ["last", value],
    ]);
  });

  test("of an empty object gives none", () => {
    expect(rawMembers("{}").size).toBe(0);
    expect(rawMembers(" { } ").size).toBe(0);
  });
});
