import type { ChangeType, EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import type { StoredRow } from "../entities/stored-row.js";

/** One change as it stands in the log, whether just written or read back. */
export interface CommittedChange {
  readonly position: bigint;
  /** Microseconds since 1970. */
  readonly commitMicros: bigint;
  readonly change: ChangeType;
  readonly kind: EntityKind;
  /** Empty for none; a session's own id for a session. */
  readonly sessionId: string;
  /** Empty for none. */
  readonly agentId: string;
  /** Roughly, of the thing. */
  readonly byteLength: number;
  /** The thing as the change left it. */
  readonly stored: StoredRow;
}
