import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../chaos/stage/free-port.js";

/** A PgBouncer in transaction mode before a database. */
export interface Pooler {
  readonly url: string;
  close(): Promise<void>;
}

/** It refuses to run as root. */
const NOBODY = 65_534;

/**
 * Starts one, with fewer connections to Postgres than servers hold to it; undefined where it is not installed.
 *
 * @param databaseUrl of a host and port
 */
export async function startPooler(databaseUrl: string): Promise<Pooler | undefined> {
  if (!isInstalled()) return undefined;
  const target = new URL(databaseUrl);
  const directory = await mkdtemp(join(tmpdir(), "holdfast-pooler-"));
  await chmod(directory, 0o755);
  const port = await freePort();
  const file = join(directory, "pgbouncer.ini");
  await writeFile(file, configuration(target, port), { mode: 0o644 });
  const account = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const child = spawn("pgbouncer", ["-q", file], { stdio: "ignore", ...account });
  const exited = once(child, "exit");
  await answering(port);
  const url = new URL(`postgres://127.0.0.1:${port}${target.pathname}`);
  url.username = target.username;
  return {
    url: url.href,
    async close() {
      child.kill("SIGKILL");
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function isInstalled(): boolean {
  try {
    execFileSync("pgbouncer", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function configuration(target: URL, port: number): string {
  const at = {
    host: target.hostname,
    port: target.port,
    user: decodeURIComponent(target.username),
    ...(target.password && { password: decodeURIComponent(target.password) }),
  };
  const database = Object.entries(at).map(([name, value]) => `${name}=${value}`);
  return `
[databases]
* = ${database.join(" ")}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
`;
}

async function answering(port: number): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await delay(50);
    } finally {
      socket.destroy();
    }
  }
}
