import { expect, test } from "vitest";
import { connect } from "../connect.js";
import { HoldfastError } from "../holdfast-error.js";

test.each([
  "localhost",
  "holdfast.internal:4650",
  "127.0.0.1:4650",
  "::1",
  "[::1]:4650",
  "dns:///holdfast.internal:4650",
  "dns:holdfast.internal:4650",
  "dns://8.8.8.8/holdfast.internal",
  "ipv4:10.0.0.1:4650,10.0.0.2:4650",
  "ipv6:[::1]:4650",
  "unix:/run/holdfast.sock",
  "unix:///run/holdfast.sock",
  "unix-abstract:holdfast",
])("an address of a server is taken: %s", async (address) => {
  await connect({ address }).close();
});

test.each([
  "",
  " ",
  "http://localhost:4650",
  "localhost:port",
  "localhost:-1",
  "localhost:0",
  "localhost:65536",
  "localhost:4650/path",
  "a b:4650",
  "a:4650,b:4650",
  ":4650",
  "dns:",
  "dns://",
  "dns:///",
  "ipv4:nonsense",
  "ipv4:1.2.3.4:99999",
  "ipv6:zz",
  "unix:",
  undefined,
  null,
  4650,
])("what is no address is rejected before anything is connected: %s", (address) => {
  const given = typeof address === "string" ? JSON.stringify(address) : String(address);
  let thrown: unknown;
  try {
    connect({ address: address as string });
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(HoldfastError);
  expect(thrown).toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "INVALID_FIELD",
    violations: [{ field: "address" }],
    message: expect.stringMatching(/^address: expected "host:port".*, got /),
  });
  expect((thrown as HoldfastError).message.endsWith(`, got ${given}`)).toBe(true);
});

test("a key that cannot be read is rejected as such", () => {
  const tls = { key: "k", cert: "c" };
  const expected = { code: "INVALID_ARGUMENT", message: expect.stringContaining("tls: expected PEM texts") };
  expect(() => connect({ address: "localhost:1", tls })).toThrow(expect.objectContaining(expected));
});
