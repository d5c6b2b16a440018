import { connect, createServer, type NetConnectOpts, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** What a network does to connections. */
export type NetworkFault = "cut" | "delay" | "reset" | "half-open";

/** Stands between two parties and fails as networks do; each new connection goes to the first target that takes it. */
export class NetworkProxy {
  readonly #server: Server;
  readonly #targets: () => readonly NetConnectOpts[];
  readonly #pairs = new Set<Pair>();
  #refuses = false;
  #delayMs = 0;

  private constructor(targets: () => readonly NetConnectOpts[]) {
    this.#targets = targets;
    this.#server = createServer({ allowHalfOpen: false }, (near) => void this.#accept(near));
  }

  static async start(targets: () => readonly NetConnectOpts[]): Promise<NetworkProxy> {
    const proxy = new NetworkProxy(targets);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Whether a connection to this port of the machine is open. */
  reaches(port: number): boolean {
    return [...this.#pairs].some((pair) => pair.port === port);
  }

  /**
   * Fails in one way for some time. `cut` ends what is open and refuses what comes; `delay` holds back every byte;
   * `reset` ends what is open with RST; `half-open` swallows what is sent on what is open, both ways, and says
   * nothing to anybody: what comes new passes.
   */
  async fail(fault: NetworkFault, forMs: number): Promise<void> {
    const open = [...this.#pairs];
    if (fault === "reset") return open.forEach((pair) => void pair.reset());
    if (fault === "cut") {
      this.#refuses = true;
      for (const pair of open) pair.end();
    }
    if (fault === "delay") this.#delayMs = Math.min(400, forMs / 4);
    if (fault === "half-open") for (const pair of open) pair.swallow();
    await delay(forMs);
    this.#refuses = false;
    this.#delayMs = 0;
    if (fault === "half-open") for (const pair of open) pair.end();
  }

  close(): void {
    this.#server.close();
    for (const pair of this.#pairs) pair.end();
  }

  async #accept(near: Socket): Promise<void> {
    near.on("error", () => {});
    if (this.#refuses) return void near.resetAndDestroy();
    const far = await this.#reach();
    if (far === undefined || this.#refuses || near.destroyed) {
      far?.destroy();
      return void near.resetAndDestroy();
    }
    const pair = new Pair(near, far, () => this.#delayMs);
    this.#pairs.add(pair);
    near.once("close", () => this.#pairs.delete(pair));
    return undefined;
  }

  async #reach(): Promise<Socket | undefined> {
    for (const target of this.#targets()) {
      const socket = await open(target);
      if (socket) return socket;
    }
    return undefined;
  }
}

function open(target: NetConnectOpts): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(target);
    socket.once("connect", () => resolve(socket)).on("error", () => resolve(undefined));
  });
}

/** One connection passed through. */
class Pair {
  readonly #sockets: readonly [Socket, Socket];
  #swallows = false;

  /** Where it goes to. */
  readonly port: number | undefined;

  constructor(near: Socket, far: Socket, delayMs: () => number) {
    this.#sockets = [near, far];
    this.port = far.remotePort;
    this.#pass(near, far, delayMs);
    this.#pass(far, near, delayMs);
    for (const socket of this.#sockets) {
      socket.setNoDelay(true);
      socket.on("close", () => {
        // Who is at the other end of a half-open connection hears nothing of this.
        if (!this.#swallows) this.end();
      });
    }
  }

  swallow(): void {
    this.#swallows = true;
  }

  end(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  reset(): void {
    for (const socket of this.#sockets) {
      if ("resetAndDestroy" in socket && socket.remoteAddress !== undefined) socket.resetAndDestroy();
      else socket.destroy();
    }
  }

  #pass(from: Socket, to: Socket, delayMs: () => number): void {
    // What was held back goes before what comes after it.
    let held: Promise<void> | undefined;
    const send = (chunk: Buffer) => {
      if (this.#swallows || to.destroyed) return;
      if (!to.write(chunk)) {
        from.pause();
        to.once("drain", () => from.resume());
      }
    };
    from.on("data", (chunk: Buffer) => {
      const ms = delayMs();
      if (ms === 0 && held === undefined) return send(chunk);
      const mine: Promise<void> = Promise.all([held, delay(ms)]).then(() => {
        send(chunk);
        if (held === mine) held = undefined;
      });
      held = mine;
    });
  }
}
