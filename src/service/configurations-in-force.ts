import { type Configuration, ConfigurationLayer as Layer } from "../../gen/holdfast/v1/configuration_pb.js";
import { type HoldfastError, limitExceeded } from "../core/errors.js";

/** From the one that goes before all others. */
const LAYERS = [Layer.AGENT, Layer.TENANT, Layer.DEFAULT] as const;

/** Bytes that a configuration takes besides what varies. */
const OVERHEAD_BYTES = 200;

export interface InForceLimits {
  readonly maxKeys: number;
  /** Bytes of all layers, roughly. */
  readonly maxBytes: number;
  /** The error of more than those. */
  tooManyBytes(): HoldfastError;
}

/** The configurations of every layer that bear on one agent, and which of each key is in force. */
export class ConfigurationsInForce {
  readonly #limits: InForceLimits;
  readonly #byKey = new Map<string, Map<Layer, Configuration>>();
  #bytes = 0;

  constructor(limits: InForceLimits, configurations: Iterable<Configuration>) {
    this.#limits = limits;
    for (const configuration of configurations) this.put(configuration);
  }

  /** @throws LIMIT_EXCEEDED when they are more than may be held */
  requireFit(): void {
    const { maxKeys, maxBytes } = this.#limits;
    if (this.#byKey.size > maxKeys) throw tooManyKeys(maxKeys);
    if (this.#bytes > maxBytes) throw this.#limits.tooManyBytes();
  }

  /** Takes in one as it is now; a deleted one makes room for those below it. */
  put(configuration: Configuration): void {
    const { id, key, layer, deleteTime } = configuration;
    const layers = this.#byKey.get(key) ?? new Map<Layer, Configuration>();
    const before = sizeOf(layers.get(layer));
    if (deleteTime === undefined) layers.set(layer, configuration);
    else if (layers.get(layer)?.id === id) layers.delete(layer);
    this.#bytes += sizeOf(layers.get(layer)) - before;
    if (layers.size > 0) this.#byKey.set(key, layers);
    else this.#byKey.delete(key);
  }

  find(key: string): Configuration | undefined {
    const layers = this.#byKey.get(key);
    return LAYERS.map((layer) => layers?.get(layer)).find((configuration) => configuration?.active);
  }

  /** In order of key. */
  all(): readonly Configuration[] {
    return [...this.#byKey.keys()]
      .sort()
      .map((key) => this.find(key))
      .filter((configuration) => configuration !== undefined);
  }
}

export function tooManyKeys(limit: number): HoldfastError {
  return limitExceeded("prefixes", "keys", limit, limit + 1);
}

/** Roughly: of what may be large. */
function sizeOf(configuration: Configuration | undefined): number {
  if (!configuration) return 0;
  const { value, schema, metadata, description } = configuration;
  const payloads = [value, schema, metadata].reduce((sum, each) => sum + (each?.data.byteLength ?? 0), 0);
  return OVERHEAD_BYTES + payloads + description.length;
}
