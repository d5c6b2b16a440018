/**
 * Answers given in the order their questions came, while several are being
 * worked on at once. Iterated by one reader.
 */
export class OrderedAnswers<T> implements AsyncIterable<T> {
  readonly #answers: Promise<T>[] = [];
  #ended = false;
  #wake: () => void = () => {};

  /** Adds the answer that comes after those added so far. */
  push(answer: Promise<T>): void {
    // Whoever iterates sees the failure in its turn, which may be after it happened.
    answer.catch(() => {});
    this.#answers.push(answer);
    this.#wake();
  }

  /** No more follow. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      const next = this.#answers.shift();
      if (next !== undefined) {
        yield await next;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
