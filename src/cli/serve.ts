import { type App, startApp } from "../app.js";
import { type Config, readConfig } from "../config.js";
import { defineCommand } from "./command.js";
import { createLogger } from "./create-logger.js";
import type { OutputStream } from "./output.js";
import { watchFailures } from "./process-failures.js";
import { settingOptions, settingTexts } from "./setting-options.js";
import { formatStart } from "./start-message.js";
import { receiveStopSignals } from "./stop-signals.js";

/** After an uncaught exception memory may be wrong: calls in flight get less time than in a drain. */
const FATAL_DRAIN_MS = 2_000;
/** What then does not stop in order within this time never will. */
const FATAL_STOP_MS = 30_000;

/** `holdfast serve` */
export const serve = defineCommand({
  usage: "[options]",
  about: `Without a database of your own it runs the embedded Postgres. The database is
migrated first, unless --no-migrate. On SIGTERM, SIGINT or SIGHUP health says NOT_SERVING, streams
are told to move, calls in flight finish, and the embedded Postgres stops last; a second signal
ends the calls at once.

Every option is also an environment variable; the option wins. \`--no-…\` turns off
an option that takes no value.`,
  options: settingOptions(),
  maxWords: 0,
  async run({ options, env, stdout }) {
    const config = readConfig(env, {}, settingTexts(options));
    const logger = createLogger(config.logLevel);
    // Whoever reads the start message may stop reading; that is no reason to stop serving.
    stdout.on("error", () => {});
    let app: App | undefined;
    const signals = receiveStopSignals(() => app?.hurry());
    const failures = watchFailures(logger);
    const stop = AbortSignal.any([signals.first, failures.fatal]);
    failures.fatal.addEventListener("abort", () => endSoon(() => app?.hurry()));
    try {
      app = await startApp(config, logger, stop);
      failures.register(app.metrics);
      if (!stop.aborted) await untilStopped(app, config, stop, stdout);
      await app.close();
      stdout.write("Stopped.\n");
    } catch (error) {
      if (!(stop.aborted && app === undefined)) throw error;
    } finally {
      signals.close();
      failures.close();
    }
    return failures.fatal.aborted ? 1 : 0;
  },
});

async function untilStopped(
  app: App,
  config: Config,
  signal: AbortSignal,
  stdout: OutputStream,
): Promise<void> {
  stdout.write(formatStart(app, config));
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  const seconds = config.drainTimeoutMs / 1000;
  stdout.write(`Stopping: calls in flight have ${seconds} s; once more to end them now.\n`);
}

/** Ends the calls that are left a little later, and the process if even that does not help. */
function endSoon(hurry: () => void): void {
  setTimeout(hurry, FATAL_DRAIN_MS).unref();
  setTimeout(() => process.exit(1), FATAL_STOP_MS).unref();
}
