import { type Configuration, ConfigurationLayer as Layer } from "../../gen/holdfast/v1/configuration_pb.js";

/** From the one that goes before all others. */
const LAYERS = [Layer.AGENT, Layer.TENANT, Layer.DEFAULT] as const;

/** The configurations of every layer that bear on one agent, and which of each key is in force. */
export class ConfigurationsInForce {
  readonly #byKey = new Map<string, Map<Layer, Configuration>>();

  constructor(configurations: Iterable<Configuration> = []) {
    for (const configuration of configurations) this.put(configuration);
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Takes in one as it is now; a deleted one makes room for those below it. */
  put(configuration: Configuration): void {
    const { id, key, layer, deleteTime } = configuration;
    const layers = this.#byKey.get(key) ?? new Map<Layer, Configuration>();
    if (deleteTime === undefined) layers.set(layer, configuration);
    else if (layers.get(layer)?.id === id) layers.delete(layer);
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
