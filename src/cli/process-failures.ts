import type { Logger } from "pino";
import { Counter, type Registry } from "prom-client";

/** Failures that no code of a server handled. */
export interface ProcessFailures {
  /** Aborts at the first uncaught exception: the process has to end. */
  readonly fatal: AbortSignal;
  /** Adds the count of unhandled rejections to the metrics of a server. */
  register(registry: Registry): void;
  /** Lets failures do again what they do by default. */
  close(): void;
}

/**
 * Logs what no code handled, and keeps it from ending the process on the spot, which would leave Postgres running
 * and cut off every tenant.
 *
 * An unhandled rejection is one operation that failed and that nobody waits for: it is counted, and the server goes
 * on. An uncaught exception left some code half way, so that what it holds in memory may be wrong: `fatal` aborts,
 * and whoever runs the server stops it in order.
 */
export function watchFailures(logger: Logger): ProcessFailures {
  const fatal = new AbortController();
  let rejections = 0;
  const onRejection = (reason: unknown) => {
    rejections += 1;
    logger.error({ err: asError(reason) }, "unhandled rejection");
  };
  const onException = (error: unknown) => {
    logger.fatal({ err: asError(error) }, "uncaught exception");
    fatal.abort();
  };
  process.on("unhandledRejection", onRejection);
  process.on("uncaughtException", onException);
  return {
    fatal: fatal.signal,
    register(registry) {
      new Counter({
        name: "holdfast_unhandled_rejections_total",
        help: "Operations that failed without any code handling it. Each one is a defect; the log has its stack.",
        registers: [registry],
        collect() {
          this.reset();
          this.inc(rejections);
        },
      });
    },
    close() {
      process.off("unhandledRejection", onRejection);
      process.off("uncaughtException", onException);
    },
  };
}

/** So that the log has a stack, whatever was thrown. */
function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
