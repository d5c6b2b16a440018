import type { ImportOptions } from "../legacy/import-folder.js";
import type { OutputStream } from "./output.js";

/** Lines to a log at most this often, in ms; to a terminal the one line is written again and again. */
const INTERVAL_MS = 5000;
const TERMINAL_INTERVAL_MS = 200;

/** Tells how far a long import is. */
export interface Progress {
  readonly tell: NonNullable<ImportOptions["onProgress"]>;
  end(): void;
}

export function importProgress(stream: OutputStream): Progress {
  let last = performance.now();
  let isOnLine = false;
  return {
    tell(progress) {
      const interval = stream.isTTY ? TERMINAL_INTERVAL_MS : INTERVAL_MS;
      if (performance.now() - last < interval) return;
      last = performance.now();
      const text =
        progress.phase === "waiting"
          ? "waiting for another import of this tenant"
          : `${progress.phase === "import" ? "imported" : "verified"} ${progress.records} records, in ${progress.file}`;
      stream.write(stream.isTTY ? `\r\u001b[K${text}` : `${text}\n`);
      isOnLine = stream.isTTY ?? false;
    },
    end() {
      if (isOnLine) stream.write("\r\u001b[K");
      isOnLine = false;
    },
  };
}
