/** Tasks that tests give to worker threads. */
export function double(number: number): number {
  return 2 * number;
}

export function spin(): never {
  for (;;);
}

export function fail(message: string): never {
  throw new RangeError(message);
}

export function spinFor(ms: number): number {
  const end = performance.now() + ms;
  while (performance.now() < end);
  return ms;
}

/** Holds more and more. */
export function hoard(): number {
  const held: number[][] = [];
  for (;;) held.push(new Array(1024).fill(held.length));
}
