import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { connect } from "@holdfast/client";

const SERVER = fileURLToPath(new URL("../../bundle/bin.js", import.meta.url));
/** A first start initialises a database. */
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
/** Between two attempts to start it again: it may take a moment until what it held is free. */
const RESTART_PAUSE_MS = 300;
/** After one that failed: the reason is on the screen, and Ctrl-C at hand. */
const FAILED_RESTART_PAUSE_MS = 3000;

/** The server of the demo: one that was there, or one of the demo's own that comes back when it dies. */
export interface DemoServer {
  /** Of the demo's own; undefined when it was there before. */
  readonly pid: number | undefined;
  /** Stops the demo's own. */
  close(): Promise<void>;
}

/**
 * Finds the server at an address, or starts one there.
 *
 * @param say is told what happens to it later.
 * @param signal ends the start, and stops what was started until then.
 */
export async function findOrStartServer(
  address: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<DemoServer> {
  if (await answers(address)) return { pid: undefined, close: async () => {} };
  const server = new OwnServer(address, say);
  await server.start(signal);
  return server;
}

class OwnServer implements DemoServer {
  readonly #address: string;
  readonly #say: (line: string) => void;
  #child: ChildProcess | undefined;
  #isClosing = false;

  constructor(address: string, say: (line: string) => void) {
    this.#address = address;
    this.#say = say;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(signal: AbortSignal): Promise<void> {
    const child = this.#spawn();
    try {
      await serving(this.#address, child, signal);
    } catch (error) {
      await this.close();
      throw error;
    }
    void this.#restartWhenKilled(child);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    const child = this.#child;
    if (!child || !isRunning(child)) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  }

  #spawn(): ChildProcess {
    const { hostname, port } = new URL(`http://${this.#address}`);
    const child = spawn(process.execPath, [SERVER, "serve"], {
      // A Ctrl-C of the terminal is for the demo, which then stops the server last.
      detached: true,
      stdio: ["ignore", "ignore", "inherit"],
      env: {
        ...process.env,
        HOLDFAST_GRPC_HOST: hostname,
        HOLDFAST_GRPC_PORT: port,
        HOLDFAST_HTTP_PORT: "0",
      },
    });
    this.#child = child;
    return child;
  }

  async #restartWhenKilled(first: ChildProcess): Promise<void> {
    for (let child = first, pauseMs = RESTART_PAUSE_MS; ; ) {
      if (isRunning(child)) await once(child, "exit");
      if (this.#isClosing) return;
      this.#say(`the server died (${child.signalCode ?? `exit ${child.exitCode}`}); starting it again`);
      await delay(pauseMs);
      const isAnswered = await answers(this.#address);
      if (this.#isClosing) return;
      if (isAnswered) {
        this.#say("somebody else has: using theirs");
        return;
      }
      child = this.#spawn();
      try {
        await serving(this.#address, child);
        this.#say(`the server is back as process ${child.pid}`);
        pauseMs = RESTART_PAUSE_MS;
      } catch (error) {
        this.#say(messageOf(error));
        pauseMs = FAILED_RESTART_PAUSE_MS;
      }
    }
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function serving(address: string, child: ChildProcess, signal?: AbortSignal): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await answers(address))) {
    if (signal?.aborted) throw new Error("interrupted");
    if (!isRunning(child)) throw new Error(`no server answers at ${address}, and none could be started`);
    if (Date.now() > deadline) throw new Error(`the server started at ${address} does not answer`);
    await delay(POLL_MS);
  }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

async function answers(address: string): Promise<boolean> {
  const holdfast = connect({ address, deadlineMs: 500 });
  try {
    await holdfast.admin.getLogHead();
    return true;
  } catch {
    return false;
  } finally {
    await holdfast.close();
  }
}
