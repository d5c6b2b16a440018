import type { Failpoint, FailpointAction } from "./failpoints.js";

/** What a server under test is told to do. */
export type ServerMessage =
  | { readonly do: "arm"; readonly point: Failpoint; readonly action: FailpointAction }
  | { readonly do: "disarm"; readonly point: Failpoint }
  | { readonly do: "jump"; readonly offsetMs: number }
  | { readonly do: "measure" };

/** What a server under test answers. */
export type ServerAnswer = { readonly measured: ServerMeasure };

/** What a server holds, once what nobody refers to is collected. */
export interface ServerMeasure {
  readonly heapMiB: number;
  /** Buffers and what else lies outside the heap but belongs to its objects. */
  readonly externalMiB: number;
  /** What keeps the process alive, by kind, as Node names it. */
  readonly resources: Readonly<Record<string, number>>;
  /** Statements that one of its connections to Postgres has prepared: the most of some. */
  readonly statements: number;
}
