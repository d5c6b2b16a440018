import type { NetworkFault, NetworkProxy } from "../stage/network-proxy.js";
import type { Stage } from "../stage/stage.js";
import type { Fault } from "./fault.js";

/** What happens to connections and for how long: a half-open one only shows when something has timed out. */
const KINDS: readonly (readonly [NetworkFault, least: number, most: number])[] = [
  ["cut", 300, 1_500],
  ["delay", 1_000, 2_500],
  ["reset", 0, 0],
  ["half-open", 4_000, 7_000],
];

const PLACES: readonly (readonly [string, (stage: Stage) => readonly NetworkProxy[]])[] = [
  ["client", (stage) => stage.fronts],
  ["database", (stage) => stage.databaseProxies],
];

/** Connections between clients and servers, and between servers and Postgres. */
export const networkFaults: readonly Fault[] = PLACES.flatMap(([place, proxiesOf]) =>
  KINDS.map(
    ([kind, least, most]): Fault => ({
      name: `${place}-${kind}`,
      weight: kind === "half-open" ? 1 : 2,
      async inject(stage, random) {
        const proxies = proxiesOf(stage);
        const index = random.between(0, proxies.length - 1);
        const ms = random.between(least, most);
        const proxy = proxies[index] as NetworkProxy;
        const { connections } = proxy;
        await proxy.fail(kind, ms);
        return { note: `way ${index}, ${connections} connections, ${ms} ms` };
      },
    }),
  ),
);
