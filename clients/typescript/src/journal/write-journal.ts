import { join } from "node:path";
import { setTimeout as timeout } from "node:timers/promises";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../../../gen/grpc/health/v1/health_pb.js";
import type { Transport } from "../call/transport.js";
import { HoldfastError } from "../holdfast-error.js";
import { GroupWriter } from "./group-writer.js";
import { JournalFolder } from "./journal-folder.js";
import type { JournalSettings } from "./journal-options.js";
import type { Journal, JournalMode, JournalState } from "./journal-state.js";
import type { JournalWrite } from "./journal-write.js";
import { Listeners } from "./listeners.js";
import type { RecordJournal, Route } from "./record-journal.js";
import { Replayer } from "./replayer.js";
import { Turns } from "./turns.js";

/** With so few left newer writes wait for the end of a replay, so that it has one. */
const HAND_OVER_ENTRIES = 500;
const ADOPT_INTERVAL_MS = 5_000;
const PROBE_TIMEOUT_MS = 1_500;
const MAX_WAIT_MS = 10_000;

/** Decides whether writes go to the service or to disk, and brings the one to the other. */
export class WriteJournal implements Journal, RecordJournal {
  readonly #settings: JournalSettings;
  readonly #transport: Transport;
  readonly #folder: JournalFolder;
  readonly #turns = new Turns();
  readonly #writer: GroupWriter;
  readonly #replayer: Replayer;
  readonly #listeners = new Listeners();
  readonly #closing = new AbortController();
  readonly #adopting: NodeJS.Timeout;
  #mode: JournalMode = "connected";
  #route: Route = "service";
  #cause: HoldfastError | undefined;
  #running: Promise<void> | undefined;

  /** Throws the system's error for a directory that cannot be used. */
  constructor(transport: Transport, settings: JournalSettings, tenantId: string | undefined) {
    this.#settings = settings;
    this.#transport = transport;
    this.#folder = new JournalFolder(join(settings.directory, encodeURIComponent(tenantId || "default")));
    this.#writer = new GroupWriter(this.#folder, this.#turns, settings);
    this.#replayer = new Replayer(transport, this.#folder, this.#turns, settings.onRejected);
    this.#adopting = setInterval(() => this.#adopt(), ADOPT_INTERVAL_MS);
    this.#adopting.unref();
    this.#resume();
  }

  get acknowledgeWithinMs(): number {
    return this.#settings.acknowledgeWithinMs;
  }

  get route(): Route {
    return this.#route;
  }

  get state(): JournalState {
    const { files, rejected, damaged } = this.#folder;
    return {
      mode: this.#mode,
      entries: files.reduce((sum, { entries }) => sum + entries, 0),
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      oldest: files.find(({ entries }) => entries > 0)?.oldest,
      replayed: this.#replayer.replayed,
      rejected,
      damaged,
      cause: this.#cause,
    };
  }

  async *states(signal?: AbortSignal): AsyncGenerator<JournalState, void, undefined> {
    while (!signal?.aborted) {
      const changed = this.#listeners.next(signal);
      yield this.state;
      if (this.#closing.signal.aborted) return;
      await changed;
    }
  }

  async drained(signal?: AbortSignal): Promise<void> {
    while (this.#mode !== "connected" || this.#writer.pending > 0) {
      if (this.#closing.signal.aborted) throw journalClosed();
      await this.#listeners.next(signal, true);
    }
  }

  /** Calls back on each change of the route, until the answer is called. */
  onRoute(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Waits while the route is `wait`, for so many milliseconds at most. */
  async decided(ms: number, signal?: AbortSignal): Promise<void> {
    if (this.#route === "wait") await this.#while(() => this.#route === "wait", ms, signal);
  }

  /** Waits until writes go to the service. Throws UNAVAILABLE when that takes longer. */
  async connected(ms: number, signal?: AbortSignal): Promise<void> {
    await this.#while(() => this.#route !== "service", ms, signal);
    if (this.#route === "service") return;
    throw new HoldfastError(
      "earlier writes wait in the journal for the service, and this one must not pass them",
      {
        code: "UNAVAILABLE",
        cause: this.#cause,
      },
    );
  }

  /** The service did not acknowledge a write in time: from now on they go to the journal. */
  suspend(cause: HoldfastError): void {
    if (this.#mode !== "connected") return;
    this.#set("journaling", "journal", cause);
    this.#running ??= this.#run();
  }

  /** Resolves when the writes are on disk. Throws JOURNAL_FULL or JOURNAL_FAILED; then none of them is kept. */
  async write(writes: readonly JournalWrite[]): Promise<void> {
    if (this.#closing.signal.aborted) throw journalClosed();
    const stored = this.#writer.write(writes);
    this.#resume();
    await stored;
    this.#listeners.tell();
  }

  /** What waits stays for the next process, or the next client of this one. */
  async close(): Promise<void> {
    clearInterval(this.#adopting);
    this.#closing.abort();
    await this.#running;
    await this.#writer.idle();
    await this.#turns.take(() => this.#folder.close());
    this.#listeners.tell();
  }

  #adopt(): void {
    try {
      this.#folder.adopt();
    } catch {
      // The folder cannot be read now: writes to it say why.
      return;
    }
    this.#resume();
  }

  #resume(): void {
    if (this.#mode !== "connected" || (this.state.entries === 0 && this.#writer.pending === 0)) return;
    this.#set("journaling", "journal", undefined);
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    const { probeIntervalMs } = this.#settings;
    let waitMs = probeIntervalMs;
    while (!this.#closing.signal.aborted) {
      let isServing = false;
      try {
        isServing = await this.#isServing();
        if (isServing) return await this.#replay();
      } catch (thrown) {
        if (!this.#closing.signal.aborted) this.#set("journaling", "journal", HoldfastError.from(thrown));
      }
      // Where it serves and yet fails at what it gets, asking ever again helps nobody.
      waitMs = isServing ? Math.min(2 * waitMs, MAX_WAIT_MS) : probeIntervalMs;
      await pause(waitMs, this.#closing.signal);
    }
  }

  async #isServing(): Promise<boolean> {
    const options = { deadlineMs: PROBE_TIMEOUT_MS, signal: this.#closing.signal };
    try {
      const { status } = await this.#transport.unary(Health.method.check, {}, options);
      return status === Status.SERVING;
    } catch (thrown) {
      const error = HoldfastError.from(thrown);
      // A service that does not say how it is, is asked by what waits for it.
      if (error.code === "UNIMPLEMENTED") return true;
      throw error;
    }
  }

  async #replay(): Promise<void> {
    this.#set("replaying", "journal", this.#cause);
    let left = this.state.entries + HAND_OVER_ENTRIES;
    for (;;) {
      this.#closing.signal.throwIfAborted();
      const { entries } = this.state;
      if (entries === 0 && this.#writer.pending === 0) {
        // Within one turn: nothing may be written in between.
        this.#running = undefined;
        this.#set("connected", "service", undefined);
        return;
      }
      // Also when newer writes come as fast as older ones go.
      if (entries <= HAND_OVER_ENTRIES || left <= 0) this.#set("replaying", "wait", this.#cause);
      if (entries === 0) await this.#writer.idle();
      else left -= await this.#replayer.once(this.#closing.signal);
      this.#listeners.tell();
    }
  }

  #set(mode: JournalMode, route: Route, cause: HoldfastError | undefined): void {
    this.#mode = mode;
    this.#route = route;
    this.#cause = cause;
    this.#listeners.tell();
  }

  async #while(waits: () => boolean, ms: number, signal: AbortSignal | undefined): Promise<void> {
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), ms);
    const either = AbortSignal.any(signal ? [signal, over.signal] : [over.signal]);
    try {
      while (waits() && !either.aborted && !this.#closing.signal.aborted) await this.#listeners.next(either);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Waits, or until the signal fires; not so that the process goes on for it: what is on disk may wait. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await timeout(ms, undefined, { signal, ref: false }).catch(() => {});
}

function journalClosed(): HoldfastError {
  return new HoldfastError("the journal is closed", { code: "FAILED_PRECONDITION", reason: "CLOSED" });
}
