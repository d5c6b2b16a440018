import { setTimeout as delay, setImmediate as nextRound } from "node:timers/promises";
import type { Registry } from "prom-client";

/** Milliseconds of rendering after which the event loop goes round. One metric may take longer: it is rendered whole. */
const TURN_MS = 1;

/**
 * Renders the metrics of a registry. Requests that come while a rendering is under way, or within `intervalMs` after it
 * began, share the next one: no request sees values from before it was made.
 */
export function createMetricsPage(registry: Registry, intervalMs: number): () => Promise<Buffer> {
  let next: Promise<Buffer> | undefined;
  let current: Promise<unknown> = Promise.resolve();
  let begunMs = Number.NEGATIVE_INFINITY;

  async function begin(): Promise<Buffer> {
    await current;
    const waitMs = begunMs + intervalMs - performance.now();
    if (waitMs > 0) await delay(waitMs, undefined, { ref: false });
    begunMs = performance.now();
    next = undefined;
    const rendering = render(registry);
    current = rendering.catch(() => undefined);
    return rendering;
  }

  return () => {
    next ??= begin();
    return next;
  };
}

async function render(registry: Registry): Promise<Buffer> {
  const metrics: string[] = [];
  let since = performance.now();
  for (const { name } of registry.getMetricsAsArray()) {
    metrics.push(await registry.getSingleMetricAsString(name));
    if (performance.now() - since < TURN_MS) continue;
    await nextRound();
    since = performance.now();
  }
  // As `registry.metrics()` puts them together.
  return Buffer.from(`${metrics.join("\n\n")}\n`);
}
