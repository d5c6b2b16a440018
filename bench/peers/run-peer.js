// A process that measures one peer: `node run-peer.js MODULE CONTEXT`, and tells its parent.
import { BATCH, BATCH_CLIENTS } from "./workload.js";

const [module = "", context = "{}"] = process.argv.slice(2);
const { seconds, ...place } = JSON.parse(context);
/** Unmeasured, before each measurement: so many events, since code is compiled as it is used, or so long. */
const WARM_UP = { events: 3000, seconds: 6 };

const peer = await (await import(`./${module}.js`)).open(place);
let next = 0;

/** @param {number} clients @param {number} size @param {(first: number, count: number) => Promise<unknown>} store */
async function perSecond(clients, size, store) {
  /** @param {number} forSeconds @param {number} [upTo] */
  const measure = async (forSeconds, upTo = Number.POSITIVE_INFINITY) => {
    const from = performance.now();
    let stored = 0;
    const client = async () => {
      while (stored < upTo && performance.now() - from < forSeconds * 1000) {
        const first = next;
        next += size;
        await store(first, size);
        stored += size;
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    return stored / ((performance.now() - from) / 1000);
  };
  await measure(WARM_UP.seconds, WARM_UP.events);
  return measure(seconds);
}

const figures = {
  one: await perSecond(1, 1, (i) => peer.one(i)),
  eight: await perSecond(8, 1, (i) => peer.one(i)),
  batched: peer.many && (await perSecond(BATCH_CLIENTS, BATCH, peer.many)),
};
process.send?.(figures);
await peer.close();
process.exit(0);
