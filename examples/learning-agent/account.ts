// What a team has done, as Holdfast tells it: the agents are gone by then.
import { ActionStatus, GoalStatus, type Holdfast, ListOrder, payloadJson } from "@holdfast/client";
import type { Team } from "./team.js";
import type { Tool, World } from "./world.js";

/** A row for each session of the team, its agents together. */
export async function sessionTable(holdfast: Holdfast, { name: team }: Team): Promise<readonly string[]> {
  const actions = await countByQueue(holdfast.actions.list({ labels: { team } }));
  const succeeded = { labels: { team }, statuses: [ActionStatus.SUCCEEDED] };
  const successes = await countByQueue(holdfast.actions.list(succeeded));
  const recalls = await countByQueue(holdfast.decisions.list({ labels: { team, recalled: "yes" } }));
  const lines: string[] = [];
  const queues = holdfast.goals.list({ labels: { team, type: "queue" } }, { order: ListOrder.OLDEST_FIRST });
  for await (const { id, labels, progress } of queues) {
    let goals = 0;
    const ended = { parentGoalIds: [id], statuses: [GoalStatus.COMPLETED, GoalStatus.FAILED] };
    for await (const _ of holdfast.goals.list(ended)) goals += 1;
    const tries = actions.get(id) ?? 0;
    lines.push(
      row(
        labels["session"] ?? "",
        String(goals),
        // A goal's progress is the share of its parts that are COMPLETED.
        percent(progress),
        percent((successes.get(id) ?? 0) / tries),
        (tries / goals).toFixed(2),
        percent((recalls.get(id) ?? 0) / tries),
      ),
    );
  }
  return [row("session", "goals done", "solved", "success rate", "actions/goal", "remembering"), ...lines];
}

/** How many there are of each queue, by the label that agents give to what they record. */
async function countByQueue(
  records: AsyncIterable<{ readonly labels: Readonly<Record<string, string>> }>,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for await (const { labels } of records) {
    const queue = labels["queue"] ?? "";
    counts.set(queue, (counts.get(queue) ?? 0) + 1);
  }
  return counts;
}

/** The tool that does best for each kind of ticket, as the selector has learned it. */
export async function lessonLines(holdfast: Holdfast, team: Team, world: World): Promise<readonly string[]> {
  const { goalPatterns, actionCounts } = await holdfast.selectors.get(team.selectorId);
  const outcomes = Object.values(actionCounts).reduce((sum, count) => sum + count, 0n);
  const patterns = (payloadJson(goalPatterns) ?? []) as readonly {
    readonly goal: string;
    readonly scores: Readonly<Record<string, { readonly score: number; readonly count: number }>>;
  }[];
  return [
    `what the selector has learned from ${outcomes} outcomes, beside what the world hides:`,
    ...patterns.map(({ goal, scores }) => {
      const byCount = Object.entries(scores).sort(([, a], [, b]) => b.count - a.count);
      const [tool, { score, count }] = byCount[0] ?? ["nothing", { score: 0, count: 0 }];
      const hidden = world.odds(goal, tool as Tool).toFixed(2);
      return `  ${goal.padEnd(16)} ${tool.padEnd(14)} ${score.toFixed(2)} in ${String(count).padStart(2)} tries (${hidden})`;
    }),
  ];
}

/** Why the team did the last thing it did. */
export async function explanationLines(holdfast: Holdfast, { name }: Team): Promise<readonly string[]> {
  const { items } = await holdfast.actions.page({ labels: { team: name } }, { pageSize: 1 });
  const [last] = items;
  if (!last) return [];
  const { action, decisions, ledBy, observations, goalIds } = await holdfast.decisions.explain(last.id);
  const titles: string[] = [];
  for (const id of goalIds) titles.push((await holdfast.goals.get(id)).title);
  const status = (ActionStatus[action?.status ?? 0] ?? "unknown").toLowerCase();
  return [
    `why "${action?.name}" (action ${last.id}), as ExplainAction tells it:`,
    ...ledBy.map(({ content }) => `  it saw      ${content}`),
    ...decisions.flatMap(({ reasoning, alternatives }) => [
      `  it thought  ${reasoning}`,
      `  it weighed  ${scores(payloadJson(alternatives))}`,
    ]),
    `  it did      ${action?.name}: ${status}, score ${action?.successScore}`,
    ...observations.map(({ content }) => `  it learned  ${content}`),
    `  all for     ${titles.join(", part of ")}`,
  ];
}

function scores(alternatives: unknown): string {
  return Object.entries((alternatives ?? {}) as Record<string, number>)
    .sort(([, a], [, b]) => b - a)
    .map(([action, score]) => `${action} ${score.toFixed(2)}`)
    .join(", ");
}

function row(...cells: readonly string[]): string {
  return cells.map((cell, index) => cell.padStart(index === 0 ? 7 : 14)).join("");
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
