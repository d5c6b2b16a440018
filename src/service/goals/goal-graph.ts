import { type Goal, GoalStatus } from "../../../gen/holdfast/v1/goal_pb.js";
import type { FlushView, RowIndex } from "../entity-rules.js";

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

export interface GraphLimit {
  /** What is counted, in the plural. */
  readonly unit: string;
  readonly limit: number;
}

/** What a flush reads of goals besides whole rows; see load-goals.ts. */
export interface LoadedGoals {
  /** The database's clock after the flush was let in, in microseconds since 1970. */
  readonly nowMicros: bigint;
  /** As they are in the database; a whole row in the flush's view takes precedence. */
  readonly nodes: ReadonlyMap<string, GoalNode>;
  /** BLOCKED goals by those of their dependencies that entries of the flush complete. */
  readonly blockedBy: RowIndex;
  /** Ids of `nodes` by their parents. */
  readonly partIds: ReadonlyMap<string, readonly string[]>;
  /** By parent, over the parts that are no whole rows in the flush's view. */
  readonly parts: ReadonlyMap<string, PartSum>;
  /** The limit that what changed goals depend on, and their parts, exceed: then not all of it was read. */
  readonly exceeded: GraphLimit | undefined;
}

/** The goals a flush knows of, as its entries placed so far leave them. */
export interface GoalGraph {
  readonly loaded: LoadedGoals;
  node(id: string): GoalNode | undefined;
  /** The status of that; without making a node, since goals may depend on many. */
  status(id: string): GoalStatus | undefined;
  /** Ids of all goals that are parts of this one. */
  partIds(id: string): readonly string[];
  /** One known as a whole row. */
  goal(id: string): Goal | undefined;
  goals(): Iterable<Goal>;
  /** Parts of this goal that are known as whole rows. */
  parts(id: string): readonly Goal[];
  /** The BLOCKED goals that depend on this one, which an entry of the flush completes. */
  waitingFor(id: string): readonly Goal[];
  /** Counts goals and dependencies looked at, see `FlushView.spend`. */
  spend(steps: number): void;
}

const BY_PARENT: RowIndex = (record) => {
  const { parentGoalId } = record as unknown as Goal;
  return parentGoalId === "" ? [] : [parentGoalId];
};

/** An index of BLOCKED goals by those of their dependencies that are among `ids`. */
export function blockedBy(ids: ReadonlySet<string>): RowIndex {
  return (record) => {
    const { status, deleteTime, dependsOn } = record as unknown as Goal;
    const isBlocked = status === GoalStatus.BLOCKED && deleteTime === undefined;
    return isBlocked ? dependsOn.filter((id) => ids.has(id)) : [];
  };
}

export function goalGraph(view: FlushView): GoalGraph {
  const loaded = view.loaded as LoadedGoals;
  const goal = (id: string) => view.find(id) as unknown as Goal | undefined;
  const having = (index: RowIndex, id: string) => {
    const goals = [...view.having(index, id).values()] as unknown as readonly Goal[];
    view.spend(goals.length);
    return goals;
  };
  return {
    loaded,
    goal,
    *goals() {
      for (const each of view.all() as unknown as Iterable<Goal>) {
        view.spend(1);
        yield each;
      }
    },
    spend: (steps) => view.spend(steps),
    parts: (id) => having(BY_PARENT, id),
    waitingFor: (id) => having(loaded.blockedBy, id),
    partIds(id) {
      const others = loaded.partIds.get(id) ?? [];
      view.spend(others.length);
      return [...having(BY_PARENT, id).map((part) => part.id), ...others.filter((part) => !view.find(part))];
    },
    status: (id) => goal(id)?.status ?? loaded.nodes.get(id)?.status,
    node(id) {
      const found = goal(id);
      return found ? nodeOf(found) : loaded.nodes.get(id);
    },
  };
}

function nodeOf({ id, status, deleteTime, dependsOn, parentGoalId }: Goal): GoalNode {
  return { id, status, isDeleted: deleteTime !== undefined, dependsOn, parentId: parentGoalId };
}

/** The first of these goals that is not COMPLETED, deleted ones too if they never were; undefined if all are. */
export function firstOpenGoal(
  ids: readonly string[],
  graph: Pick<GoalGraph, "status" | "spend">,
): string | undefined {
  graph.spend(ids.length);
  return ids.find((id) => graph.status(id) !== GoalStatus.COMPLETED);
}

/** Whether a goal's life is over. */
export function isFinal(status: GoalStatus): boolean {
  return status === GoalStatus.COMPLETED || status === GoalStatus.FAILED || status === GoalStatus.CANCELLED;
}
