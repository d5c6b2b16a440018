/** Some actions of sessions, as numbers: they are quickly copied to a worker process. */
export interface StepPage {
  /** NEXT_SESSION before the first action of each session, then the number of each action: how many others came before it first did. */
  readonly steps: Uint32Array<ArrayBuffer>;
  /** Of each session that begins here. */
  readonly successes: Float64Array<ArrayBuffer>;
  /** A JSON list of the actions that were in no page before, in UTF-8. */
  readonly names: Uint8Array<ArrayBuffer>;
}

/** Bytes of the pages that go to a worker process in one message: copying them takes well under a millisecond. */
const PART_BYTES = 256 * 1024;

/** Pages as they are sent to a worker process: in order, some at a time. */
export function* pageParts(pages: readonly StepPage[]): Generator<readonly StepPage[], void> {
  let part: StepPage[] = [];
  let bytes = 0;
  for (const page of pages) {
    part.push(page);
    bytes += page.steps.byteLength + page.successes.byteLength + page.names.byteLength;
    if (bytes < PART_BYTES) continue;
    yield part;
    part = [];
    bytes = 0;
  }
  if (part.length > 0) yield part;
}

/** No action has so high a number. */
export const NEXT_SESSION = 2 ** 32 - 1;
