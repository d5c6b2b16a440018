import type { ImportContext } from "./import-context.js";
import type { ExpectedRecord, RecordVerifier } from "./verify-records.js";

/** Records read back at once, and characters of them held meanwhile. */
const MAX_RECORDS = 1000;
const MAX_LENGTH = 4 * 1024 * 1024;

/** Verifies, in batches, what later records or the end of the import may have changed. */
export class LastVerification {
  readonly #context: ImportContext;
  readonly #verifier: RecordVerifier;
  #first: ExpectedRecord[] = [];
  #again: ExpectedRecord[] = [];
  #length = 0;

  constructor(context: ImportContext, verifier: RecordVerifier) {
    this.#context = context;
    this.#verifier = verifier;
  }

  /** @param isAgain whether it was verified when it was written. */
  async add({ source, mapped }: Omit<ExpectedRecord, "codec">, isAgain: boolean): Promise<void> {
    const codec = this.#context.codecs.of(source.kind.entity);
    (isAgain ? this.#again : this.#first).push({ source, mapped, codec });
    this.#length += source.text.length;
    if (this.#first.length + this.#again.length >= MAX_RECORDS || this.#length >= MAX_LENGTH) {
      await this.flush();
    }
  }

  async flush(): Promise<void> {
    const [first, again] = [this.#first, this.#again];
    [this.#first, this.#again, this.#length] = [[], [], 0];
    await this.#verifier.verify(first);
    await this.#verifier.verify(again, true);
  }
}
