/** A task took more time or memory than it may. */
export class WorkLimitError extends Error {
  override readonly name = "WorkLimitError";
  readonly limit: number;

  constructor(limit: number, unit: string) {
    super(`more than ${limit} ${unit}`);
    this.limit = limit;
  }
}
