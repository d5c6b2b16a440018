import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import { runInProcess } from "../workers/run-in-process.js";
import { WorkLimitError } from "../workers/work-limit-error.js";
import type { WorkerTask } from "../workers/worker-task.js";
import type { DiskShare } from "./disk-budget.js";
import { PeerPace } from "./peer-pace.js";
import type { TransferOutcome } from "./transfer-metrics.js";

export interface TransferSettings {
  /** Milliseconds a caller has to send or take MIN_PACE_BYTES. */
  readonly transferPatienceMs: number;
  /** MiB of heap of the process of one. */
  readonly transferMemoryMiB: number;
  /** The environment of that process. */
  readonly taskEnvironment: Readonly<Record<string, string>>;
  /** Milliseconds that process may run. */
  readonly transferTimeLimitMs: number;
}

export interface TransferParts {
  /** Its own, which goes with it. */
  readonly folder: string;
  readonly disk: DiskShare;
  readonly settings: TransferSettings;
  /** Nobody waits for it any more. */
  readonly signal: AbortSignal;
  /** Removes the folder and gives back the place. */
  readonly onEnd: (outcome: TransferOutcome) => Promise<void>;
}

/** An export or an import over gRPC that is under way: its folder, its bytes on disk, its process, and how long it may take. */
export class Transfer {
  readonly folder: string;
  /** Aborts, with a HoldfastError, when the transfer has to end: the caller went away or is too slow, or the server stops. */
  readonly signal: AbortSignal;
  readonly pace: PeerPace;
  readonly #stop = new AbortController();
  readonly #parts: TransferParts;
  #outcome: TransferOutcome | undefined;
  #ended: Promise<void> | undefined;

  constructor(parts: TransferParts) {
    this.#parts = parts;
    this.folder = parts.folder;
    this.signal = AbortSignal.any([parts.signal, this.#stop.signal]);
    this.pace = new PeerPace(parts.settings.transferPatienceMs, (error) => {
      this.#outcome = "slow";
      this.#stop.abort(error);
    });
  }

  /** Counts bytes that are written for it. @throws LIMIT_EXCEEDED */
  hold(bytes: number): void {
    this.#parts.disk.take(bytes);
  }

  /** Waits for something that the caller has to send. Rejects with the reason when the transfer has to end. */
  async receive<T>(next: Promise<T>, bytesOf: (received: T) => number): Promise<T> {
    this.signal.throwIfAborted();
    let onAbort = () => {};
    const aborted = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(this.signal.reason);
      this.signal.addEventListener("abort", onAbort, { once: true });
    });
    this.pace.wait();
    try {
      const received = await Promise.race([next, aborted]);
      this.pace.moved(bytesOf(received));
      return received;
    } finally {
      this.pace.close();
      this.signal.removeEventListener("abort", onAbort);
    }
  }

  /** Runs a task in a process of its own, which tells of bytes that it writes. @throws LIMIT_EXCEEDED; what the task throws */
  async run<Argument, Result>(task: WorkerTask<Argument, Result>, argument: Argument): Promise<Result> {
    const { settings } = this.#parts;
    const { transferMemoryMiB: memoryMiB, transferTimeLimitMs: timeLimitMs, taskEnvironment: env } = settings;
    const { signal } = this;
    const onTold = (bytes: unknown) => this.hold(bytes as number);
    try {
      return await runInProcess(task, argument, { memoryMiB, env, timeLimitMs, signal, onTold });
    } catch (error) {
      if (!(error instanceof WorkLimitError)) throw error;
      const message = `the files of this call take ${error.message}`;
      throw new HoldfastError(ErrorReason.LIMIT_EXCEEDED, message, { cause: error });
    }
  }

  /** Everything was sent or imported. */
  done(): void {
    this.#outcome = "done";
  }

  /** Ends it because the server stops. */
  stop(): void {
    this.#stop.abort(new HoldfastError(ErrorReason.SERVER_DRAINING, "this server is stopping"));
  }

  /** Resolves when nothing is left of it. However it ends, exactly this ends it. */
  end(): Promise<void> {
    this.pace.close();
    this.#outcome ??= this.signal.aborted ? "cancelled" : "failed";
    this.#ended ??= this.#parts.onEnd(this.#outcome);
    return this.#ended;
  }
}
