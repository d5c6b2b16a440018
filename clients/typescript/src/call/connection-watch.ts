import { type Client, connectivityState as State } from "@grpc/grpc-js";

type Channel = ReturnType<Client["getChannel"]>;

/** Tells those who wait for a channel's connection when it is there. */
export class ConnectionWatch {
  readonly #channel: Channel;
  readonly #listeners = new Set<() => void>();
  #isWatching = false;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /**
   * Calls back once, when a connection that is not there now is there; not at all while there is one, which then is
   * not what is waited for. The answer ends it.
   */
  onConnected(listener: () => void): () => void {
    const state = this.#channel.getConnectivityState(false);
    if (state === State.READY || state === State.SHUTDOWN) return () => {};
    // An object of its own: who listens twice is called twice.
    const own = () => listener();
    this.#listeners.add(own);
    this.#watch(state);
    return () => void this.#listeners.delete(own);
  }

  #watch(state: State): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, () => {
      this.#isWatching = false;
      const now = this.#channel.getConnectivityState(false);
      if (now === State.SHUTDOWN || this.#listeners.size === 0) return;
      if (now !== State.READY) return this.#watch(now);
      const listeners = [...this.#listeners];
      this.#listeners.clear();
      for (const each of listeners) each();
    });
  }
}
