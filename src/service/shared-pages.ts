import type { MarkedPage } from "./stored-pages.js";

/** Pages kept for whoever asks for the same next; most ask at once and for few different ones. */
const MAX_SHARED_PAGES = 64;
/** Bytes of their changes; each page is kept encoded as well. */
const MAX_SHARED_BYTES = 4 * 1024 * 1024;

/** Pages that subscribers share, of a log as it ends now. */
export class SharedPages {
  readonly #pages = new Map<string, MarkedPage>();
  #end = 0n;
  #bytes = 0;

  /** What `make` gives, made once for all who ask by the same key while the log ends at the same position. */
  get(end: bigint, key: string, make: () => MarkedPage | undefined): MarkedPage | undefined {
    const isFull = this.#pages.size === MAX_SHARED_PAGES || this.#bytes > MAX_SHARED_BYTES;
    if (this.#end !== end || isFull) {
      this.#pages.clear();
      this.#end = end;
      this.#bytes = 0;
    }
    const known = this.#pages.get(key);
    if (known !== undefined) return known;
    const page = make();
    if (page) {
      this.#pages.set(key, page);
      this.#bytes += page.changes.reduce((sum, { byteLength }) => sum + byteLength, 0);
    }
    return page;
  }
}
