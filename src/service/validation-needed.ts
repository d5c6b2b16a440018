import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";

/**
 * A flush refuses an entry by this where `shape` finds that it needs validation that takes longer than a flush may: the
 * appender has the rules validate the subject and appends the entry again with it. A caller sees it only if others
 * changed the thing each time.
 */
export class ValidationNeeded extends HoldfastError {
  /** What is to be validated, as the entity's rules understand it. */
  readonly subject: unknown;

  /** @param revision that the entry would have made, by which the subject was found */
  constructor(entity: string, id: string, revision: bigint, subject: unknown) {
    const message = `${entity} ${id} was changed by others whenever this change of it had been validated; try again`;
    super(ErrorReason.REVISION_MISMATCH, message, {
      metadata: { entity, id, current_revision: String(revision - 1n) },
    });
    this.subject = subject;
  }
}
