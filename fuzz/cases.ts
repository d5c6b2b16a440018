import { create, type DescMethod, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { takesStream } from "../src/rpc/service.js";
import { hostileMessages } from "./hostile-messages.js";

/** The messages of one call: one, or several where the method takes a stream. */
export type Case = readonly Uint8Array[];

/** Messages per call of a method that takes a stream. */
const STREAMED = 4;

/** Calls whose every field holds what a careless or malicious caller might send. */
export function hostileCases(method: DescMethod, texts: readonly string[]): fc.Arbitrary<Case> {
  const message = hostileMessages(method.input, { texts }).map((init) =>
    toBinary(method.input, create(method.input, init)),
  );
  const length = takesStream(method) ? STREAMED : 1;
  return fc.array(message, { minLength: length, maxLength: length });
}

/** Such calls with a byte of the message changed, lost or added. */
export function mangledCases(method: DescMethod, texts: readonly string[]): fc.Arbitrary<Case> {
  return fc
    .tuple(
      hostileMessages(method.input, { texts }),
      fc.nat(),
      fc.nat(255),
      fc.constantFrom("set", "cut", "add"),
    )
    .map(([init, at, byte, how]) => {
      const bytes = Buffer.from(toBinary(method.input, create(method.input, init)));
      const index = at % (bytes.length + 1);
      if (how === "cut") return [bytes.subarray(0, index)];
      if (how === "add")
        return [Buffer.concat([bytes.subarray(0, index), Buffer.of(byte), bytes.subarray(index)])];
      if (index < bytes.length) bytes[index] = byte;
      return [bytes];
    });
}
