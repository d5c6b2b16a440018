import type { CommitMark } from "../store/commit-mark.js";
import type { ChangePage } from "../store/read-changes.js";

/** A page of a log, and the commit that contains its end; undefined at the start of a log. */
export interface MarkedPage extends ChangePage {
  readonly mark: CommitMark | undefined;
}

interface KeptPage {
  /** The same for filters that match the same. */
  readonly key: string;
  readonly after: bigint;
  readonly page: MarkedPage;
  readonly bytes: number;
  /** When it was used last. */
  usedMs: number;
}

/** Milliseconds without use after which a crowd has passed. */
const KEPT_MS = 10_000;

/**
 * Pages of one log read from the database lately. Of a crowd that falls behind
 * one reads each page, however many want it: where a page reaches beyond
 * another's place it serves from there on, and both go on from its end.
 */
export class StoredPages {
  readonly #maxBytes: number;
  readonly #now: () => number;
  /** Those used last are at the end. */
  readonly #pages: KeptPage[] = [];
  #bytes = 0;

  /**
   * @param maxBytes of the changes kept; the newest page stays whatever its size
   * @param now milliseconds of a clock that does not go back
   */
  constructor(maxBytes: number, now: () => number = () => performance.now()) {
    this.#maxBytes = maxBytes;
    this.#now = now;
  }

  /** What follows a position; undefined if no page kept reaches from there beyond it. */
  find(key: string, position: bigint): MarkedPage | undefined {
    const at = this.#pages.findIndex(
      (kept) => kept.key === key && kept.after <= position && position < kept.page.through,
    );
    const [found] = at < 0 ? [] : this.#pages.splice(at, 1);
    if (!found) return undefined;
    found.usedMs = this.#now();
    this.#pages.push(found);
    if (found.after === position) return found.page;
    const changes = found.page.changes.filter((change) => change.position > position);
    return { ...found.page, changes };
  }

  keep(key: string, after: bigint, page: MarkedPage): void {
    const bytes = page.changes.reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.#pages.push({ key, after, page, bytes, usedMs: this.#now() });
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes && this.#pages.length > 1) this.#dropOldest();
  }

  /** Lets go of pages that nobody has used for a while. */
  expire(): void {
    const from = this.#now() - KEPT_MS;
    while (this.#pages[0] && this.#pages[0].usedMs < from) this.#dropOldest();
  }

  #dropOldest(): void {
    this.#bytes -= this.#pages.shift()?.bytes ?? 0;
  }
}
