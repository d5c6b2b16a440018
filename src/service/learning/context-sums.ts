import { mapInTurns, type Turn } from "../../core/in-turns.js";

/**
 * What a context adds to the expectation of each candidate: the sum of its features' values, each multiplied by the weight
 * named `action:feature`, else by the one named `feature`. Weights are gone through once, not once for each candidate,
 * and in turns: there may be ten thousand, with a hundred colons in each name.
 *
 * @returns the sum for one of the candidates
 */
export async function contextSums(
  weights: Readonly<Record<string, number>>,
  context: Readonly<Record<string, number>>,
  candidates: readonly string[],
  turn?: Turn,
): Promise<(action: string) => number> {
  const names = Object.keys(weights);
  const features = await weighedFeatures(names, context, turn);
  const terms = Float64Array.from(features, ([feature, value]) => value * weightOf(weights, feature));
  const common = sum(terms);
  const own = await ownTerms(weights, features, new Set(candidates), turn);
  return (action) => {
    const changed = own.get(action);
    if (!changed) return common;
    const all = terms.slice();
    for (const [index, term] of changed) all[index] = term;
    return sum(all);
  };
}

/** Those of the context that some weight names: without one a feature adds nothing, and a context may have many. */
async function weighedFeatures(
  weights: readonly string[],
  context: Readonly<Record<string, number>>,
  turn: Turn | undefined,
): Promise<readonly [string, number][]> {
  const named = new Set<string>();
  const add = (name: string) => {
    named.add(name);
    for (let colon = name.indexOf(":"); colon >= 0; colon = name.indexOf(":", colon + 1)) {
      const feature = name.slice(colon + 1);
      if (Object.hasOwn(context, feature)) named.add(feature);
    }
  };
  await mapInTurns(weights, add, turn);
  return Object.entries(context).filter(([feature]) => named.has(feature));
}

/** Terms by weights of one action alone, by action and by the index of the feature. */
async function ownTerms(
  weights: Readonly<Record<string, number>>,
  features: readonly [string, number][],
  candidates: ReadonlySet<string>,
  turn: Turn | undefined,
): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>> {
  const indexes = new Map(features.map(([feature], index) => [feature, index]));
  const terms = new Map<string, Map<number, number>>();
  const add = (name: string) => {
    // Both an action and a feature may have colons in their names.
    for (let colon = name.indexOf(":"); colon >= 0; colon = name.indexOf(":", colon + 1)) {
      const action = name.slice(0, colon);
      const index = candidates.has(action) ? indexes.get(name.slice(colon + 1)) : undefined;
      if (index === undefined) continue;
      const ofAction = terms.get(action) ?? new Map<number, number>();
      terms.set(action, ofAction.set(index, (features[index]?.[1] ?? 0) * weightOf(weights, name)));
    }
  };
  await mapInTurns(Object.keys(weights), add, turn);
  return terms;
}

function weightOf(weights: Readonly<Record<string, number>>, name: string): number {
  const found = Object.hasOwn(weights, name) ? (weights[name] ?? 0) : 0;
  return Number.isFinite(found) ? found : 0;
}

// In the order of the features: another order would round differently.
function sum(terms: Float64Array): number {
  let total = 0;
  for (const term of terms) total += term;
  return total;
}
