import type { Saved } from "../recorder/recorded.js";

/** The service has it: committed, at this position. */
export interface Durable<T> {
  readonly state: "durable";
  readonly position: bigint;
  /** What the same call answers without a journal. */
  readonly value: T;
}

/** The service could not be reached: it is on this machine's disk, and will be written when the service is back. */
export interface Journaled {
  readonly state: "journaled";
  /** Of what is written, or of the change. */
  readonly id: string;
  /** Of each, where the call writes several. */
  readonly ids: readonly string[];
}

/** What became of a write through a client with a journal. */
export type Written<T> = Durable<T> | Journaled;

/** What became of a record through a client with a journal. */
export type Kept = (Saved & { readonly state: "durable" }) | Journaled;

/** How a call ends that was journaled instead: what `journaledClient` turns into its answer. */
export class JournaledInstead extends Error {
  readonly journaled: Journaled;

  constructor(ids: readonly string[]) {
    super("journaled");
    this.journaled = journaled(ids);
  }
}

export function journaled(ids: readonly string[]): Journaled {
  return { state: "journaled", id: ids[0] ?? "", ids };
}
