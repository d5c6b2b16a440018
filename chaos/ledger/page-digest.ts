import { createHash } from "node:crypto";

/** Sums up which events a page has, in their order. */
export class PageDigest {
  readonly #hash = createHash("sha1");

  add(position: number, id: string): void {
    this.#hash.update(`${position} ${id}\n`);
  }

  end(): string {
    return this.#hash.digest("base64url").slice(0, 16);
  }
}
