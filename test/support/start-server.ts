import pino from "pino";
import { type App, startApp } from "../../src/app.js";
import { type Config, readConfig } from "../../src/config.js";

/** A server of its own on free loopback ports, over a database that is there already. */
export function startServer(databaseUrl: string, overrides: Partial<Config> = {}): Promise<App> {
  const config = readConfig({}, { databaseUrl, grpcPort: 0, httpPort: 0, ...overrides });
  return startApp(config, pino({ level: config.logLevel }, pino.destination(2)));
}
