import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";

/** What one transfer has on disk. */
export interface DiskShare {
  /** Counts bytes that are written. @throws LIMIT_EXCEEDED when the server's transfers would hold more than they may */
  take(bytes: number): void;
  /** The files are gone. */
  release(): void;
}

/** Bounds the bytes on disk of all transfers of a server together. */
export class DiskBudget {
  readonly #limitBytes: number;
  #heldBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  share(): DiskShare {
    let own = 0;
    return {
      take: (bytes) => {
        const actual = this.#heldBytes + bytes;
        if (actual > this.#limitBytes) throw overLimit(this.#limitBytes, actual);
        own += bytes;
        this.#heldBytes = actual;
      },
      release: () => {
        this.#heldBytes -= own;
        own = 0;
      },
    };
  }
}

function overLimit(limit: number, actual: number): HoldfastError {
  const message = `expected at most ${limit} bytes of exports and imports on this server's disk at a time, got ${actual}`;
  return new HoldfastError(ErrorReason.LIMIT_EXCEEDED, message, {
    metadata: { limit: String(limit), actual: String(actual) },
  });
}
