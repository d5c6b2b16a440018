/** Does something again and again for so many seconds and says how long each took, in milliseconds. */
export async function timeEach(seconds: number, work: (i: number) => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  for (let at = performance.now(); at < end; ) {
    await work(times.length);
    const now = performance.now();
    times.push(now - at);
    at = now;
  }
  return times;
}
