import type { Endpoint } from "./endpoint.js";
import type { MovableStream } from "./movable-stream.js";

/**
 * Moves streams from where most are to where fewest are, until none has two more than another. Those that were opened
 * least often are moved: nobody's stream pays for all.
 */
export function spreadStreams(endpoints: readonly Endpoint[]): void {
  const loads = endpoints.map(({ streams }) => ({ streams, count: streams.size }));
  for (;;) {
    loads.sort((a, b) => a.count - b.count);
    const [least, most] = [loads[0], loads.at(-1)];
    if (!least || !most || most.count - least.count < 2) return;
    const stream = leastOpened(most.streams);
    if (!stream) return;
    most.streams.delete(stream);
    most.count--;
    least.count++;
    stream.move();
  }
}

function leastOpened(streams: ReadonlySet<MovableStream>): MovableStream | undefined {
  let found: MovableStream | undefined;
  for (const stream of streams) if (!found || stream.opens < found.opens) found = stream;
  return found;
}
