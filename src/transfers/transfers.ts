import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { errorText, HoldfastError } from "../core/errors.js";
import { DiskBudget } from "./disk-budget.js";
import { fromDisk, unusableFolder } from "./disk-error.js";
import { FolderSweeper } from "./folder-sweeper.js";
import { ownFolder } from "./owned-folder.js";
import { Transfer, type TransferSettings } from "./transfer.js";
import { createTransferMetrics, type TransferKind, type TransferMetrics } from "./transfer-metrics.js";

export interface TransfersSettings extends TransferSettings {
  /** Where folders of exports and imports under way lie. */
  readonly importsDirectory: string;
  readonly maxExports: number;
  readonly maxExportsPerTenant: number;
  readonly maxImports: number;
  readonly maxImportsPerTenant: number;
  /** Bytes on disk of all transfers under way. */
  readonly maxTransferBytes: number;
  /** How long, and how many bytes of, copies of what was imported are kept. */
  readonly importsKeepDays: number;
  readonly importsMaxBytes: number;
}

/** The folder of a transfer is named so, and then by random letters. */
const PREFIX: Readonly<Record<TransferKind, string>> = { export: "sending-", import: "received-" };
/** A small export or import is over by then. */
const RETRY_MS = 5_000;

/** The exports and imports over gRPC of a server: few at a time, of the server and of each tenant. */
export class Transfers {
  readonly #settings: TransfersSettings;
  readonly #logger: Logger;
  readonly #metrics: TransferMetrics;
  readonly #disk: DiskBudget;
  readonly #sweeper: FolderSweeper;
  readonly #running = new Map<object, { readonly kind: TransferKind; readonly tenantId: string }>();
  readonly #transfers = new Set<Transfer>();
  #isClosed = false;
  #onIdle = () => {};

  constructor(settings: TransfersSettings, registry: Registry, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
    this.#disk = new DiskBudget(settings.maxTransferBytes);
    this.#sweeper = new FolderSweeper({
      transfers: this.#directory,
      kept: this.kept,
      keepDays: settings.importsKeepDays,
      keepBytes: settings.importsMaxBytes,
      metrics: () => this.#metrics,
      logger,
    });
    this.#metrics = createTransferMetrics(registry, {
      running: (kind) => this.#count((each) => each.kind === kind),
      diskBytes: () => this.#disk.heldBytes,
      keptBytes: () => this.#sweeper.keptBytes,
    });
    void this.#sweeper.sweep();
  }

  /** Where imports keep copies of what they were sent. `holdfast import` keeps its own elsewhere, and nothing removes those. */
  get kept(): string {
    return join(this.#directory, "received");
  }

  /**
   * Begins an export or an import of a tenant. Whoever begins it calls `end`.
   *
   * @param signal nobody waits for it any more
   * @throws OVERLOADED when as many as may be are under way; FOLDER_UNUSABLE; SERVER_DRAINING
   */
  async begin(kind: TransferKind, tenantId: string, signal: AbortSignal): Promise<Transfer> {
    const place = {};
    try {
      this.#admit(kind, tenantId);
    } catch (error) {
      this.#metrics.ended(kind, "rejected");
      throw error;
    }
    this.#running.set(place, { kind, tenantId });
    let folder: string | undefined;
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      const root = await mkdtemp(join(this.#directory, PREFIX[kind]));
      folder = root;
      const owner = await ownFolder(root);
      const files = join(root, "files");
      await mkdir(files, { mode: 0o700 });
      const disk = this.#disk.share();
      const transfer: Transfer = new Transfer({
        folder: files,
        disk,
        settings: this.#settings,
        signal,
        onEnd: async (outcome) => {
          await this.#remove(root);
          await owner.release();
          disk.release();
          this.#transfers.delete(transfer);
          this.#leave(place);
          this.#metrics.ended(kind, outcome);
          if (kind === "import") void this.#sweeper.sweep();
        },
      });
      this.#transfers.add(transfer);
      if (this.#isClosed) transfer.stop();
      return transfer;
    } catch (error) {
      if (folder !== undefined) await this.#remove(folder);
      this.#leave(place);
      this.#metrics.ended(kind, "failed");
      const unusable = unusableFolder(error, this.#directory);
      if (!unusable) throw fromDisk(error);
      this.#logger.warn({ reason: errorText(error) }, "the folder of exports and imports cannot be written");
      throw unusable;
    }
  }

  /** Ends all, and resolves when nothing is left of them. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const transfer of this.#transfers) transfer.stop();
    while (this.#running.size > 0) {
      await new Promise<void>((resolveIdle) => {
        this.#onIdle = resolveIdle;
      });
    }
    await this.#sweeper.close();
  }

  get #directory(): string {
    return resolve(this.#settings.importsDirectory);
  }

  #admit(kind: TransferKind, tenantId: string): void {
    if (this.#isClosed) throw new HoldfastError(ErrorReason.SERVER_DRAINING, "this server is stopping");
    const { maxExports, maxExportsPerTenant, maxImports, maxImportsPerTenant } = this.#settings;
    const [most, mostOfTenant] =
      kind === "export" ? [maxExports, maxExportsPerTenant] : [maxImports, maxImportsPerTenant];
    const ofKind = this.#count((each) => each.kind === kind);
    const ofTenant = this.#count((each) => each.kind === kind && each.tenantId === tenantId);
    if (ofTenant >= mostOfTenant) throw overloaded(`${kind}s of this tenant`, mostOfTenant);
    if (ofKind >= most) throw overloaded(`${kind}s of this server`, most);
  }

  #count(isCounted: (each: { readonly kind: TransferKind; readonly tenantId: string }) => boolean): number {
    let count = 0;
    for (const each of this.#running.values()) if (isCounted(each)) count += 1;
    return count;
  }

  #leave(place: object): void {
    this.#running.delete(place);
    if (this.#running.size === 0) this.#onIdle();
  }

  async #remove(folder: string): Promise<void> {
    await rm(folder, { recursive: true, force: true }).catch((error: unknown) => {
      this.#logger.warn(
        { reason: errorText(error), folder },
        "a folder of an export or import cannot be removed",
      );
    });
  }
}

function overloaded(what: string, limit: number): HoldfastError {
  const message = `too many ${what} are under way: expected fewer than ${limit}; try again when one has ended`;
  const details = { retryAfterMs: RETRY_MS, metadata: { limit: String(limit) } };
  return new HoldfastError(ErrorReason.OVERLOADED, message, details);
}
