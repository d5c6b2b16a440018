import { type ChildProcess, fork } from "node:child_process";
import { openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ClientAnswer, ClientMessage, ClientOptions } from "../clients/client-options.js";

/** A client in a process of its own. */
export class ClientProcess {
  readonly options: ClientOptions;
  readonly #child: ChildProcess;
  readonly #ended: Promise<number>;
  readonly #stopped: Promise<void>;

  constructor(options: ClientOptions) {
    this.options = options;
    const path = fileURLToPath(new URL("../clients/client-entry.js", import.meta.url));
    const output = openSync(options.ledger.replace(/jsonl$/, "log"), "a");
    this.#child = fork(path, [JSON.stringify(options)], { stdio: ["ignore", output, output, "ipc"] });
    const kill = () => this.#child.kill("SIGKILL");
    process.once("exit", kill);
    this.#ended = new Promise((resolve) => {
      this.#child.once("exit", (code) => {
        process.off("exit", kill);
        resolve(code ?? 1);
      });
    });
    this.#stopped = new Promise((resolve) => {
      this.#child.on("message", (message: ClientAnswer) => message.stopped && resolve());
    });
  }

  /** Makes no new writes; resolves when those there were are settled, or the client has ended. */
  async stop(): Promise<void> {
    this.#send({ do: "stop" });
    await Promise.race([this.#stopped, this.#ended]);
  }

  /** Follows up to where the logs ended; resolves with its exit code. */
  finish(heads: Readonly<Record<string, number>>): Promise<number> {
    this.#send({ do: "finish", heads });
    return this.#ended;
  }

  /** Resolves once it is gone. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  #send(message: ClientMessage): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }
}
