import { ChangeType, type Event } from "@holdfast/client";

/** Counts things and their changes, kind by kind, in the order the kinds first appear. */
export class Tally {
  readonly #kinds = new Map<string, { things: number; changes: number }>();

  add({ entity, change }: Event): void {
    const kind = NAMES[entity.case ?? ""] ?? "unknown";
    const counts = this.#kinds.get(kind) ?? { things: 0, changes: 0 };
    if (change === ChangeType.CREATED) counts.things += 1;
    counts.changes += 1;
    this.#kinds.set(kind, counts);
  }

  /** "sessions 1 (2 changes)", one for each kind. */
  lines(): readonly string[] {
    return [...this.#kinds].map(([kind, { things, changes }]) => {
      const count = `${kind.padEnd(20)} ${String(things).padStart(5)}`;
      return changes === things ? count : `${count}  in ${changes} changes`;
    });
  }
}

const NAMES: Readonly<Record<string, string>> = {
  session: "sessions",
  decision: "decisions",
  action: "actions",
  observation: "observations",
  performanceMetric: "performance metrics",
};
