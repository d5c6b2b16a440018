import { Counter, Gauge, type Registry } from "prom-client";

export type TransferKind = "export" | "import";
/** How a transfer ended: done; failed by an error; rejected before it began; ended for a caller that was too slow; or nobody waited for it any more. */
export type TransferOutcome = "done" | "failed" | "rejected" | "slow" | "cancelled";

export interface TransferMetrics {
  ended(kind: TransferKind, outcome: TransferOutcome): void;
  removed(what: "left_behind" | "kept_import"): void;
}

interface TransfersNow {
  running(kind: TransferKind): number;
  diskBytes(): number;
  keptBytes(): number;
}

/** Registers the metrics of exports and imports over gRPC. Once per registry. */
export function createTransferMetrics(registry: Registry, now: TransfersNow): TransferMetrics {
  const registers = [registry];
  new Gauge({
    name: "holdfast_transfers",
    help: "Exports and imports over gRPC that are under way.",
    labelNames: ["kind"],
    registers,
    collect() {
      for (const kind of ["export", "import"] as const) this.set({ kind }, now.running(kind));
    },
  });
  new Gauge({
    name: "holdfast_transfer_disk_bytes",
    help: "Bytes on disk of exports and imports under way.",
    registers,
    collect() {
      this.set(now.diskBytes());
    },
  });
  new Gauge({
    name: "holdfast_kept_import_bytes",
    help: "Bytes on disk of the copies that imports over gRPC keep, when they were last counted.",
    registers,
    collect() {
      this.set(now.keptBytes());
    },
  });
  const ended = new Counter({
    name: "holdfast_transfers_total",
    help: "Exports and imports over gRPC that ended, by outcome.",
    labelNames: ["kind", "outcome"],
    registers,
  });
  const removed = new Counter({
    name: "holdfast_removed_folders_total",
    help: "Folders removed: left behind by a server that was killed, or copies of imports that were kept long enough.",
    labelNames: ["what"],
    registers,
  });
  return {
    ended: (kind, outcome) => ended.inc({ kind, outcome }),
    removed: (what) => removed.inc({ what }),
  };
}
