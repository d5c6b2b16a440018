import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { SkippedError } from "../bench.js";
import { killWithUs } from "../support/kill-with-us.js";

/** A Redis of our own on a Unix socket, that syncs its log to disk before it answers. */
export interface Redis {
  readonly socket: string;
  readonly version: string;
  close(): Promise<void>;
}

const STARTS_WITHIN_MS = 10_000;

/** @throws SkippedError where no redis-server is installed. */
export async function startRedis(): Promise<Redis> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-redis-"));
  const discard = () => rmSync(directory, { recursive: true, force: true });
  const socket = join(directory, "redis.sock");
  const settings = {
    port: "0",
    unixsocket: socket,
    dir: directory,
    appendonly: "yes",
    appendfsync: "always",
    save: "",
    "auto-aof-rewrite-percentage": "0",
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn("redis-server", args, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (text: Buffer) => {
    said += text.toString();
  });
  const ended = once(child, "exit");
  try {
    await once(child, "spawn");
  } catch (cause) {
    ended.catch(() => {});
    discard();
    throw new SkippedError("redis-server is not installed here", { cause });
  }
  killWithUs(child);
  await reachable(socket, () => said);
  return {
    socket,
    version: /version=([\d.]+)/i.exec(said)?.[1] ?? "unknown",
    async close() {
      child.kill("SIGTERM");
      await ended;
      discard();
    },
  };
}

async function reachable(socket: string, said: () => string): Promise<void> {
  const until = performance.now() + STARTS_WITHIN_MS;
  for (;;) {
    const connection = createConnection(socket);
    try {
      await once(connection, "connect");
      return;
    } catch (cause) {
      if (performance.now() > until) throw new Error(`redis-server does not answer: ${said()}`, { cause });
      await delay(20);
    } finally {
      connection.destroy();
    }
  }
}
