import type { Random } from "../random.js";
import type { Stage } from "../stage/stage.js";

/** What clients resume after. */
export type Resumed = "server" | "postgres" | "failover";

/** A way to harm a running system. */
export interface Fault {
  readonly name: string;
  /** How often it comes, against the others. */
  readonly weight: number;
  /** Which resume time it counts for, if any. */
  readonly resumes?: Resumed;
  /** Whether Postgres must have a standby. Such a fault is injected only when it is asked for by name. */
  readonly needsStandby?: true;
  /** Why it cannot be had here; undefined where it can. */
  missing?(stage: Stage): string | undefined | Promise<string | undefined>;
  /** Makes ready what takes long, before anything runs. */
  prepare?(): Promise<unknown>;
  /** Does the harm and undoes what does not pass by itself. */
  inject(stage: Stage, random: Random): Promise<Injected>;
}

/** What was done, in a word. */
export interface Injected {
  readonly note: string;
  /** Whose time to resume counts from this harm; absent when nobody's does. */
  readonly harm?: Harm | undefined;
  /** After a promotion: how long each server took until it served from the new primary, in ms. */
  readonly servingMs?: readonly number[];
  /** Whether nothing came of it, so that it is worth trying again. */
  readonly isMissed?: boolean;
}

/** When something was killed, in milliseconds of the clock that all processes share, and on which ways clients met it. */
export interface Harm {
  readonly at: number;
  readonly ways: readonly number[];
}
