import pino from "pino";
import { type App, startApp } from "../app.js";
import { type Config, readConfig } from "../config.js";
import { defineCommand } from "./command.js";
import type { OutputStream } from "./output.js";
import { settingOptions, settingTexts } from "./setting-options.js";
import { formatStart } from "./start-message.js";
import { receiveStopSignals } from "./stop-signals.js";

/** `holdfast serve` */
export const serve = defineCommand({
  usage: "[options]",
  about: `Without a database of your own it runs the embedded Postgres. The database is
migrated first, unless --no-migrate. On SIGTERM or SIGINT health says NOT_SERVING, streams are told to
move, calls in flight finish, and the embedded Postgres stops last; a second signal
ends the calls at once.

Every option is also an environment variable; the option wins. \`--no-…\` turns off
an option that takes no value.`,
  options: settingOptions(),
  maxWords: 0,
  async run({ options, env, stdout }) {
    const config = readConfig(env, {}, settingTexts(options));
    const logger = pino({ level: config.logLevel }, pino.destination(2));
    // Whoever reads the start message may stop reading; that is no reason to stop serving.
    stdout.on("error", () => {});
    let app: App | undefined;
    const signals = receiveStopSignals(() => app?.hurry());
    try {
      app = await startApp(config, logger, signals.first);
      if (!signals.first.aborted) await untilStopped(app, config, signals.first, stdout);
      await app.close();
      stdout.write("Stopped.\n");
    } catch (error) {
      if (!(signals.first.aborted && app === undefined)) throw error;
    } finally {
      signals.close();
    }
    return 0;
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
