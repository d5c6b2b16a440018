import { createHash } from "node:crypto";

/** Numbers from 0 up to but without 1. */
export type Random = () => number;

/**
 * A source of chance that gives the same numbers for the same seed: the
 * generator sfc32 (from PractRand), 53 bits of it a number.
 */
export function seededRandom(seed: string): Random {
  const hash = createHash("sha256").update(seed).digest();
  let a = hash.readInt32LE(0);
  let b = hash.readInt32LE(4);
  let c = hash.readInt32LE(8);
  let counter = hash.readInt32LE(12);
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
}

/** A sample of Beta(alpha, beta), both at least 1. */
export function sampleBeta(alpha: number, beta: number, random: Random): number {
  const one = sampleGamma(alpha, random);
  return one / (one + sampleGamma(beta, random));
}

/** Marsaglia and Tsang, A simple method for generating gamma variables (2000); shape at least 1. */
function sampleGamma(shape: number, random: Random): number {
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = sampleNormal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Box and Muller. */
function sampleNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
