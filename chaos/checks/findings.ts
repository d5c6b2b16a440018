import type { Guarantee, Violation } from "./guarantee.js";

/** Of one kind, so many are told in words; the rest are counted. */
const TOLD = 10;

/** Collects what one validator finds. */
export class Findings {
  readonly #guarantee: Guarantee;
  readonly #texts: string[] = [];
  #count = 0;

  constructor(guarantee: Guarantee) {
    this.#guarantee = guarantee;
  }

  add(text: string): void {
    this.#count += 1;
    if (this.#texts.length < TOLD) this.#texts.push(text);
  }

  get violations(): Violation[] {
    const untold = this.#count - this.#texts.length;
    const texts = untold > 0 ? [...this.#texts, `and ${untold} more`] : this.#texts;
    return texts.map((text) => ({ guarantee: this.#guarantee, text }));
  }
}
