import type { Failpoint, FailpointAction } from "./failpoints.js";

/** What a server under test is told to do. */
export type ServerMessage =
  | { readonly do: "arm"; readonly point: Failpoint; readonly action: FailpointAction }
  | { readonly do: "disarm"; readonly point: Failpoint }
  | { readonly do: "jump"; readonly offsetMs: number };
