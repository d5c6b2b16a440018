import type { Codecs } from "../entities/codecs.js";
import type { Database } from "../store/database.js";
import type { DurableLog } from "./durable-log.js";
import type { Hub } from "./hub.js";

export interface SubscriptionSettings {
  /** How long a subscriber hears nothing at most: then comes a checkpoint. */
  readonly checkpointIntervalMs: number;
  /** Changes in one message at most. */
  readonly maxPageChanges: number;
  /** Bytes of changes in one message at most, but for a single larger one. */
  readonly maxPageBytes: number;
  /** Bytes of an answer that has no pages; it bounds what a watch of configurations keeps in memory. */
  readonly maxAnswerBytes: number;
  /** Positions a filtered read may pass over at once, so that no single query runs long. */
  readonly maxPagePositions: number;
}

export interface SubscriptionContext {
  readonly database: Database;
  readonly codecs: Codecs;
  readonly hub: Hub;
  /** How far each log is durable: no subscriber is given more. */
  readonly durable: DurableLog;
  readonly settings: SubscriptionSettings;
}
