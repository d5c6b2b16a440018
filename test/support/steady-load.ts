import { setImmediate as nextTurn } from "node:timers/promises";
import type { Holdfast } from "../../clients/typescript/src/index.js";
import type { Event } from "../../gen/holdfast/v1/event_pb.js";

const RECORDERS = 3;
const SUBSCRIPTIONS = 3;
const CALLERS = 2;

/** Recorders, subscriptions and callers that go on until they are stopped. */
export class SteadyLoad {
  /** Position of everything that was acknowledged, by id. */
  readonly acknowledged = new Map<string, bigint>();
  /** What went wrong, of any of them. */
  readonly failures: unknown[] = [];
  /** Positions that each subscription was told of. */
  readonly told: bigint[][] = [];
  readonly #holdfast: Holdfast;
  readonly #work: Promise<void>[] = [];
  readonly #following: Promise<void>[] = [];
  #isStopping = false;
  /** Where the log ended when nobody wrote any more. */
  #end: bigint | undefined;

  constructor(holdfast: Holdfast) {
    this.#holdfast = holdfast;
    for (let i = 0; i < SUBSCRIPTIONS; i++) this.#following.push(this.#guard(() => this.#follow()));
    for (let i = 0; i < RECORDERS; i++) this.#work.push(this.#guard(() => this.#record()));
    for (let i = 0; i < CALLERS; i++) this.#work.push(this.#guard(() => this.#call()));
  }

  /** Ends writing, lets the subscriptions catch up with the end of the log, and gives its events. */
  async stop(): Promise<readonly Event[]> {
    this.#isStopping = true;
    await Promise.all(this.#work);
    const events: Event[] = [];
    for await (const event of this.#holdfast.events.list({}, { pageSize: 1000 })) events.push(event);
    this.#end = events.at(-1)?.position ?? 0n;
    // What makes subscriptions look whether they are there.
    await this.#holdfast.events.append([{ case: "observation", value: { type: "last" } }]);
    await Promise.all(this.#following);
    return events;
  }

  async #record(): Promise<void> {
    const recorder = this.#holdfast.recorder();
    while (!this.#isStopping) {
      const records = Array.from({ length: 5 }, () => recorder.observe({ type: "recorded" }));
      for (const { id, position } of await Promise.all(records)) this.acknowledged.set(id, position);
    }
    await recorder.close();
  }

  async #call(): Promise<void> {
    while (!this.#isStopping) {
      const [outcome] = await this.#holdfast.events.append([
        { case: "observation", value: { type: "called" } },
      ]);
      if (!outcome || outcome.error) throw outcome?.error;
      this.acknowledged.set(outcome.id, outcome.position);
      await nextTurn();
    }
  }

  async #follow(): Promise<void> {
    const told: bigint[] = [];
    this.told.push(told);
    for await (const { position } of this.#holdfast.events.subscribe({ after: "start" })) {
      if (this.#end !== undefined && position > this.#end) return;
      told.push(position);
    }
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) => void this.failures.push(error));
  }
}
