/**
 * A way from `start` back to itself, both ends included, or undefined if there
 * is none. Every node is entered once, and no recursion is as deep as the graph.
 *
 * @param next the ends of the edges that begin at a node; called once for each node entered.
 */
export function findCycle(
  start: string,
  next: (id: string) => readonly string[],
): readonly string[] | undefined {
  const cameFrom = new Map<string, string>();
  const open = [start];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const to of next(id)) {
      if (to === start) return [...wayTo(id, cameFrom), start];
      if (cameFrom.has(to)) continue;
      cameFrom.set(to, id);
      open.push(to);
    }
  }
  return undefined;
}

function wayTo(end: string, cameFrom: ReadonlyMap<string, string>): string[] {
  const way: string[] = [];
  for (let id: string | undefined = end; id !== undefined; id = cameFrom.get(id)) way.push(id);
  return way.reverse();
}

const MAX_SHOWN = 8;

/** "a → b → a", long ones with the middle left out. */
export function cycleText(cycle: readonly string[]): string {
  const shown =
    cycle.length > MAX_SHOWN ? [...cycle.slice(0, MAX_SHOWN - 2), "…", ...cycle.slice(-1)] : cycle;
  return shown.join(" → ");
}
