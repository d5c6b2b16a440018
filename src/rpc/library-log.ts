import { setLogger } from "@grpc/grpc-js";
import type { Logger } from "pino";

/**
 * Makes grpc-js write to this log, at debug: by itself it writes to standard error, and what it has to say there
 * (a header with illegal characters, for one) any stranger can make it say as often as they like.
 */
export function sendLibraryLog(logger: Logger): void {
  const write = (...parts: readonly unknown[]) =>
    logger.debug({ library: "grpc-js" }, parts.map(String).join(" "));
  setLogger({ error: write, info: write, debug: write });
}
