/** A value that its protobuf field cannot hold: what is wrong, and with which field. */
export class EncodeError extends TypeError {
  override readonly name = "EncodeError";
  /** Path in proto names, for example `data.content_type`. */
  readonly field: string;
  /** "expected …, got …". */
  readonly description: string;

  constructor(field: string, description: string) {
    super(`${field}: ${description}`);
    this.field = field;
    this.description = description;
  }

  /** The same error seen from the message that holds the field. */
  within(parent: string): EncodeError {
    return new EncodeError(this.field === "" ? parent : `${parent}.${this.field}`, this.description);
  }
}
