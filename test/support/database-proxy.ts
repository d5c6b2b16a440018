import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";

/** Stands between a server and its database, to fail as networks do. */
export interface DatabaseProxy {
  readonly url: string;
  /** Names of the settings that connections asked for as they began. */
  readonly startupParameters: ReadonlySet<string>;
  /** Drops every connection and refuses new ones, until `restore`. */
  cut(): void;
  /** Passes nothing on any more and closes nothing either, until `restore`. */
  stall(): void;
  restore(): void;
  close(): Promise<void>;
}

export async function startDatabaseProxy(databaseUrl: string): Promise<DatabaseProxy> {
  const target = new URL(databaseUrl);
  const pairs = new Set<readonly [Socket, Socket]>();
  const startupParameters = new Set<string>();
  let mode: "pass" | "cut" | "stall" = "pass";

  const server = createServer((near) => {
    if (mode === "cut") return void near.destroy();
    const far = connect(...addressOf(target));
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const socket of pair) {
      socket.on("error", () => undefined);
      socket.on("close", () => {
        pairs.delete(pair);
        for (const each of pair) each.destroy();
      });
    }
    near.once("data", (message: Buffer) => {
      for (const name of startupParametersOf(message)) startupParameters.add(name);
    });
    near.pipe(far);
    far.pipe(near);
    if (mode === "stall") for (const socket of pair) socket.pause();
    return undefined;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  const url = new URL(target);
  url.hostname = "127.0.0.1";
  url.port = String((server.address() as AddressInfo).port);
  url.search = "?sslmode=disable";
  const destroyAll = () => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
  };
  return {
    url: url.href,
    startupParameters,
    cut() {
      mode = "cut";
      destroyAll();
    },
    stall() {
      mode = "stall";
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    restore() {
      mode = "pass";
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    close() {
      destroyAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

// A startup message: its length, the protocol's version, then names and values, each ended by NUL.
function startupParametersOf(message: Buffer): readonly string[] {
  const isStartup = message.readInt16BE(4) === 3;
  return isStartup
    ? message
        .toString("utf8", 8)
        .split("\0")
        .filter((text, i) => i % 2 === 0 && text)
    : [];
}

/** Where Postgres listens: a socket when the URL's `host` parameter is a directory, as libpq reads it. */
function addressOf(url: URL): [{ path: string } | { host: string; port: number }] {
  const directory = url.searchParams.get("host");
  const port = Number(url.searchParams.get("port") ?? (url.port || 5432));
  return directory?.startsWith("/")
    ? [{ path: join(directory, `.s.PGSQL.${port}`) }]
    : [{ host: directory ?? url.hostname, port }];
}
