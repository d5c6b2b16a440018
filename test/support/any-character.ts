import fc from "fast-check";

const CODE_POINTS = 0x110000;
const FIRST_SURROGATE = 0xd800;
const SURROGATES = 0x800;

/**
 * Any code point of Unicode but surrogates, as the `unit` of `fc.string`. The unit `"binary"` gives the same and makes a
 * table of all million of them first, which takes seconds.
 */
export const anyCharacter: fc.Arbitrary<string> = fc
  .nat(CODE_POINTS - SURROGATES - 1)
  .map((n) => String.fromCodePoint(n < FIRST_SURROGATE ? n : n + SURROGATES));
