import { type Goal, GoalStatus } from "../../../gen/holdfast/v1/goal_pb.js";
import type { FlushView } from "../entity-rules.js";

/** A goal as far as the graph of goals is concerned. */
export interface GoalNode {
  readonly id: string;
  readonly status: GoalStatus;
  readonly isDeleted: boolean;
  readonly dependsOn: readonly string[];
  /** Empty for none. */
  readonly parentId: string;
}

/** Of the parts of one goal: how many count, and the sum of their progress. */
export interface PartSum {
  readonly count: number;
  readonly progress: number;
}

/** What a flush reads of goals besides whole rows; see load-goals.ts. */
export interface LoadedGoals {
  /** The database's clock after the flush was let in, in microseconds since 1970. */
  readonly nowMicros: bigint;
  /** As they are in the database; a whole row in the flush's view takes precedence. */
  readonly nodes: ReadonlyMap<string, GoalNode>;
  /** By parent, over the parts that are no whole rows in the flush's view. */
  readonly parts: ReadonlyMap<string, PartSum>;
  /** Whether all that a changed goal depends on, and all its parts, were within what a flush reads. */
  readonly isWhole: boolean;
}

/** The goals a flush knows of, as its entries placed so far leave them. */
export interface GoalGraph {
  readonly loaded: LoadedGoals;
  node(id: string): GoalNode | undefined;
  nodes(): Iterable<GoalNode>;
  /** One known as a whole row. */
  goal(id: string): Goal | undefined;
  goals(): Iterable<Goal>;
}

export function goalGraph(view: FlushView): GoalGraph {
  const loaded = view.loaded as LoadedGoals;
  const goals = () => view.all() as unknown as Iterable<Goal>;
  const goal = (id: string) => view.find(id) as unknown as Goal | undefined;
  return {
    loaded,
    goal,
    goals,
    node(id) {
      const found = goal(id);
      return found ? nodeOf(found) : loaded.nodes.get(id);
    },
    *nodes() {
      for (const each of goals()) yield nodeOf(each);
      for (const node of loaded.nodes.values()) if (!view.find(node.id)) yield node;
    },
  };
}

function nodeOf({ id, status, deleteTime, dependsOn, parentGoalId }: Goal): GoalNode {
  return { id, status, isDeleted: deleteTime !== undefined, dependsOn, parentId: parentGoalId };
}

/** The goals among these that are not COMPLETED; deleted ones too, if they never were. */
export function openGoals(ids: readonly string[], graph: Pick<GoalGraph, "node">): readonly string[] {
  return ids.filter((id) => graph.node(id)?.status !== GoalStatus.COMPLETED);
}

/** Whether a goal's life is over. */
export function isFinal(status: GoalStatus): boolean {
  return status === GoalStatus.COMPLETED || status === GoalStatus.FAILED || status === GoalStatus.CANCELLED;
}
