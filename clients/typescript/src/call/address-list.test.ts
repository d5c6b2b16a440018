import type { LookupAddress } from "node:dns";
import { expect, onTestFinished, test } from "vitest";
import { AddressList } from "./address-list.js";
import { parseTargets } from "./target.js";

/** A list of what a name stands for, and what it told. */
function listOf(found: () => readonly LookupAddress[], { areLost = false } = {}) {
  const told: string[][] = [];
  const lookup = async () => {
    const addresses = found();
    if (addresses.length === 0) throw new Error("ENOTFOUND");
    return addresses;
  };
  const list = new AddressList(parseTargets("dns:///holdfast.test:4650"), lookup, {
    onFound: (addresses) => void told.push(addresses.map(({ target }) => target)),
    areLost: () => areLost,
  });
  onTestFinished(() => list.close());
  return { list, told };
}

const v4 = (n: number) => ({ address: `10.0.0.${n}`, family: 4 });
const v6 = (n: number) => ({ address: `fd00::${n}`, family: 6 });

test.each([[[v4(1)]], [[v6(1), v4(1)]]])(
  "a name with one address of a kind is left to grpc-js: %j",
  async (found) => {
    const { list, told } = listOf(() => found);
    await list.known();
    expect(told).toEqual([["dns:holdfast.test:4650"]]);
  },
);

test("each address of a name has its own place, under that name", async () => {
  const places: unknown[] = [];
  const list = new AddressList(parseTargets("holdfast.test:4650"), async () => [v4(1), v4(2)], {
    onFound: (addresses) => void places.push(...addresses),
    areLost: () => false,
  });
  onTestFinished(() => list.close());
  await list.known();
  const name = { host: "holdfast.test", port: 4650 };
  expect(places).toEqual([
    { target: "ipv4:10.0.0.1:4650", name },
    { target: "ipv4:10.0.0.2:4650", name },
  ]);
});

test("of a name with several addresses of both kinds one kind is used, and the other where that is not reached", async () => {
  const { list, told } = listOf(() => [v6(1), v4(1), v6(2), v4(2)], { areLost: true });
  await list.known();
  expect(told).toEqual([["ipv6:[fd00::1]:4650", "ipv6:[fd00::2]:4650"]]);
  list.lookAgain();
  await expect.poll(() => told.at(-1)).toEqual(["ipv4:10.0.0.1:4650", "ipv4:10.0.0.2:4650"]);
});

test("what a name stands for is looked up again when a server is away, and kept when that fails", async () => {
  let found = [v4(1), v4(2)];
  let looks = 0;
  const { list, told } = listOf(() => {
    looks++;
    return found;
  });
  await list.known();
  found = [v4(2), v4(3)];
  list.lookAgain();
  await expect.poll(() => told.at(-1)).toEqual(["ipv4:10.0.0.2:4650", "ipv4:10.0.0.3:4650"]);
  found = [];
  list.lookAgain();
  await expect.poll(() => looks).toBe(3);
  await list.known();
  expect(told.at(-1)).toEqual(["ipv4:10.0.0.2:4650", "ipv4:10.0.0.3:4650"]);
});

test("a name without any address is UNAVAILABLE, until it has one", async () => {
  let found: LookupAddress[] = [];
  const { list } = listOf(() => found);
  await expect(list.known()).rejects.toMatchObject({
    code: "UNAVAILABLE",
    retryable: true,
    message: expect.stringContaining("holdfast.test"),
  });
  found = [v4(1)];
  await list.known();
});
