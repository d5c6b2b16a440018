import { once } from "node:events";
import pino from "pino";
import { startApp } from "../app.js";
import { readConfig } from "../config.js";

/** `holdfast serve`: runs until SIGTERM or SIGINT. */
export async function serve(_args: readonly string[]): Promise<number> {
  const config = readConfig(process.env);
  const logger = pino({ level: config.logLevel }, pino.destination(2));
  const app = await startApp(config, logger);
  process.stdout.write(`gRPC on ${app.grpc.host}:${app.grpc.port}\n`);
  await Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
  process.once("SIGTERM", () => app.hurry());
  await app.close();
  return 0;
}
