import type { HoldfastError } from "../holdfast-error.js";

/** Where a record is, now that it is durable. */
export interface Saved {
  readonly id: string;
  /** In the tenant's log; of the first time when `duplicate`. */
  readonly position: bigint;
  /** The server had it already: recorded before under this id, or sent again after a lost answer. */
  readonly duplicate: boolean;
}

/**
 * A record on its way. Awaiting it waits until it is durable and gives its position (or, with a journal, until it is kept); a rejected one throws
 * {@link HoldfastError}. It may also be dropped on the floor: what nobody awaits never raises an unhandled
 * rejection, the recorder reports it instead.
 */
export interface Recorded<K = Saved> extends Promise<K> {
  /** Known at once: what later records refer to. */
  readonly id: string;
}

/** The name of a kind of entry, as in the oneof of `Entry`. */
export type EntryCase =
  | "observation"
  | "action"
  | "startAction"
  | "finishAction"
  | "decision"
  | "performanceMetric"
  | "securityAudit";

/** The recorder's side of a {@link Recorded}. No promise exists until somebody asks, which most never do. */
export class PendingRecord<K = Saved> implements Recorded<K> {
  get [Symbol.toStringTag](): string {
    return "Recorded";
  }

  readonly id: string;
  readonly kind: EntryCase;
  #outcome: K | HoldfastError | undefined;
  #promise: Promise<K> | undefined;
  #notify: (() => void) | undefined;

  constructor(id: string, kind: EntryCase) {
    this.id = id;
    this.kind = kind;
  }

  /** Once. */
  settle(outcome: K | HoldfastError): void {
    this.#outcome = outcome;
    this.#notify?.();
  }

  #asPromise(): Promise<K> {
    this.#promise ??= new Promise((resolve, reject) => {
      this.#notify = () => {
        const outcome = this.#outcome as K | HoldfastError;
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      if (this.#outcome !== undefined) this.#notify();
    });
    return this.#promise;
  }

  // biome-ignore lint/suspicious/noThenProperty: being awaitable is what it is for.
  then<A = K, B = never>(
    onSaved?: ((saved: K) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#asPromise().then(onSaved, onRejected);
  }

  catch<B = never>(onRejected?: ((error: unknown) => B | PromiseLike<B>) | null): Promise<K | B> {
    return this.#asPromise().catch(onRejected);
  }

  finally(onSettled?: (() => void) | null): Promise<K> {
    return this.#asPromise().finally(onSettled);
  }
}
