import { type FieldViolation, invalidFields } from "../../core/errors.js";
import { isUuid } from "../../core/uuid.js";
import { MAX_KEY_LENGTH } from "../../entities/column-values.js";

/** Collects what is wrong with a request and refuses it once. */
export class RequestCheck {
  readonly #violations: FieldViolation[] = [];

  refuse(field: string, description: string): void {
    this.#violations.push({ field, description });
  }

  /** The name of something learned. */
  name(field: string, text: string): void {
    if (text === "" || text.includes("\0") || text.length > MAX_KEY_LENGTH) {
      const got = text === "" ? "nothing" : `${text.length} characters`;
      this.refuse(field, `expected 1 to ${MAX_KEY_LENGTH} characters without NUL (U+0000), got ${got}`);
    }
  }

  length(field: string, text: string, most: number): void {
    if (text.length > most) this.refuse(field, `expected at most ${most} characters, got ${text.length}`);
  }

  range(field: string, value: number, least: number, most: number): void {
    // Written so that NaN is outside every range.
    if (!(value >= least && value <= most)) this.refuse(field, `expected ${least} to ${most}, got ${value}`);
  }

  /** A UUID, or nothing. */
  reference(field: string, text: string): void {
    if (text !== "" && !isUuid(text)) {
      this.refuse(field, `expected a UUID, got ${JSON.stringify(text.slice(0, 80))}`);
    }
  }

  /** @throws INVALID_FIELD if anything was refused. */
  done(): void {
    if (this.#violations.length > 0) throw invalidFields(this.#violations);
  }
}
