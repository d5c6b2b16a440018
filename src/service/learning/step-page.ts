/** Some actions of sessions, as numbers: they are quickly copied to a worker process. */
export interface StepPage {
  /** NEXT_SESSION before the first action of each session, then the number of each action: how many others came before it first did. */
  readonly steps: Uint32Array<ArrayBuffer>;
  /** Of each session that begins here. */
  readonly successes: Float64Array<ArrayBuffer>;
  /** A JSON list of the actions that were in no page before, in UTF-8. */
  readonly names: Uint8Array<ArrayBuffer>;
}

/** No action has so high a number. */
export const NEXT_SESSION = 2 ** 32 - 1;
