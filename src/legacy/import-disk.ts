import { tmpdir } from "node:os";

/** What an import writes besides its rows, and who counts it. */
export interface ImportDisk {
  /** A folder for files of which none outlives the import. */
  readonly scratch: string;
  /** Told of bytes before they are written. */
  onStored(bytes: number): void;
}

/** The system's temporary directory, and nobody who counts: for an operator's own import. */
export function uncountedDisk(): ImportDisk {
  return { scratch: tmpdir(), onStored: () => {} };
}
