import { expect, test } from "vitest";
import { bytes, json, payloadJson, payloadText, text } from "./payload.js";

test("what goes into a payload comes out", () => {
  const value = { lone: "\ud800", nul: "\u0000", nested: [1, { a: null }] };
  expect(payloadJson(json(value))).toEqual(value);
  expect(payloadText(json("\ud800"))).toBe('"\\ud800"');
  expect(payloadText(text("é"))).toBe("é");
  const data = new Uint8Array([0, 255]).subarray(1);
  expect(bytes(data, "image/png")).toMatchObject({ data, contentType: "image/png" });
  expect(payloadText(bytes(Buffer.from("xabc").subarray(1)))).toBe("abc");
  expect([payloadJson(undefined), payloadText(undefined)]).toEqual([undefined, ""]);
});

test("what a payload cannot hold is refused", () => {
  expect(() => json(undefined)).toThrow(TypeError);
  expect(() => text("\ud800")).toThrow(TypeError);
});
