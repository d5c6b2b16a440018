/** Tasks that tests give to worker processes. */
export function double(number: number): number {
  return 2 * number;
}

/** Tells who it is, and never ends. */
export function tellAndSpin(_: undefined, tell: (pid: number) => void): Promise<never> {
  tell(process.pid);
  return new Promise(() => setTimeout(spin, 100));
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

/** Holds more and more in one array, which V8 cannot end a thread for. */
export function hoardArray(): number {
  const held: number[] = [];
  for (;;) held.push(held.length + 0.5);
}

export function processId(): number {
  return process.pid;
}

export function join(separator: string, _tell: unknown, parts: readonly (readonly unknown[])[]): string {
  return parts.flat().join(separator);
}
