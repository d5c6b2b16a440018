import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const STARTS_WITHIN_MS = 15_000;

/**
 * Starts an installed server with a directory of its own on free loopback ports, and waits until the first answers.
 * @param {string} name
 * @param {(place: { directory: string, ports: number[] }) => string[]} argumentsFor
 */
export async function startProgram(name, argumentsFor) {
  const directory = mkdtempSync(join(tmpdir(), `holdfast-peer-${name}-`));
  const ports = [await freePort(), await freePort()];
  const child = spawn(name, argumentsFor({ directory, ports }), { stdio: "ignore" });
  const ended = once(child, "exit");
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  await once(child, "spawn");
  const until = performance.now() + STARTS_WITHIN_MS;
  while (!(await answers(ports[0] ?? 0))) {
    if (performance.now() > until) throw new Error(`${name} does not answer`);
    await delay(50);
  }
  return {
    ports,
    async close() {
      process.off("exit", kill);
      child.kill("SIGTERM");
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** @param {number} port */
async function answers(port) {
  const connection = createConnection(port, "127.0.0.1");
  try {
    await once(connection, "connect");
    return true;
  } catch {
    return false;
  } finally {
    connection.destroy();
  }
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (probe.address());
  probe.close();
  await once(probe, "close");
  return port;
}
