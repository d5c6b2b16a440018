import { learnedKinds } from "./learned-kinds.js";
import type { SourceKind } from "./source-kind.js";
import { workKinds } from "./work-kinds.js";
import { writtenKinds } from "./written-kinds.js";

/** In the order they are imported: what others need first. */
export const sourceKinds: readonly SourceKind[] = [...workKinds, ...learnedKinds, ...writtenKinds];

/** @throws TypeError for a kind there is none of */
export function kindNamed(name: string): SourceKind {
  const found = sourceKinds.find(({ kind }) => kind === name);
  if (!found) throw new TypeError(`no kind ${name}`);
  return found;
}
