import type { Holdfast } from "@holdfast/client";
import { uuidV5 } from "../demo/uuid-v5.js";

/** An arbitrary UUID of our own: what a team shares has ids that follow from its name. */
const NAMESPACE = "0b9f6c4e-8d57-4b43-9a1e-5d2f7c80a6b1";

/** What the agents of a team learn together. */
export interface Team {
  readonly name: string;
  /** Which tool works for which kind of ticket. */
  readonly selectorId: string;
  /** Which sequences of tools do. */
  readonly learningId: string;
}

/**
 * Finds what a team shares, or begins it. Any number of processes may do so at
 * once: creating the same id with the same content again is no second thing.
 */
export async function joinTeam(holdfast: Holdfast, name: string): Promise<Team> {
  const team = {
    name,
    selectorId: uuidV5(NAMESPACE, `${name}/selector`),
    learningId: uuidV5(NAMESPACE, `${name}/learning`),
  };
  const labels = { team: name };
  await holdfast.selectors.create({ id: team.selectorId, type: "tools", labels });
  await holdfast.learning.create({ id: team.learningId, type: "help desk", labels });
  return team;
}
