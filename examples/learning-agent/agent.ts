// One agent in one session: a process that begins knowing its name, its team and what Holdfast kept, nothing else.
// It takes tickets until none is left; the others of its team take theirs from the same queue.
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  ActionStatus,
  connect,
  type Goal,
  GoalStatus,
  HoldfastError,
  json,
  SelectionStrategy,
} from "@holdfast/client";
import { demoAddress } from "../demo/address.js";
import { type ChannelMemory, recallChannel, rememberChannel } from "./channels.js";
import { joinTeam } from "./team.js";
import { type Channel, KINDS, type Ticket, TOOLS, type Tool, World } from "./world.js";

/** After so many tools a ticket is given up. */
const MAX_ATTEMPTS = 2;
/** An agent that dies loses its ticket to another after so long. */
const LEASE_MS = 5000;
const POLL_MS = 200;

const { values: options } = parseArgs({
  options: {
    name: { type: "string", default: "ada" },
    team: { type: "string", default: "team" },
    queue: { type: "string", default: "" },
    seed: { type: "string", default: "1" },
    "work-ms": { type: "string", default: "0" },
  },
});
const { name, queue } = options;

const world = new World(options.seed);
// However long the server is away, the agent waits for it.
const holdfast = connect({ address: demoAddress(), deadlineMs: 0, retry: { maxDelayMs: 1000 } });
const team = await joinTeam(holdfast, options.team);
const labels = { team: team.name, queue };
const session = await holdfast.sessions.open({ agentId: name, type: "help desk", labels });
const recorder = holdfast.recorder({ sessionId: session.id, agentId: name, labels });
const done = { goals: 0, solved: 0, actions: 0, succeeded: 0 };

await sayWhatIsKnown();
for (let goal = await nextGoal(); goal; goal = await nextGoal()) await pursue(goal);
await endSession();

/** What has worked for each kind of ticket, whoever of the team has tried it. */
async function sayWhatIsKnown(): Promise<void> {
  const known: string[] = [];
  for (const kind of KINDS) {
    const [best] = await holdfast.learning.suggest(team.learningId, { type: kind }, { limit: 1 });
    if (best && best.goalSupport > 0n && best.expected > 0.5) known.push(`${best.strategy} for a ${kind}`);
  }
  say(known.length === 0 ? "I know nothing yet" : `I know of ${known.join(", ")}`);
}

/** The most urgent ticket that nobody works on, for this agent alone; undefined once all are finished. */
async function nextGoal(): Promise<Goal | undefined> {
  for (;;) {
    const goal = await holdfast.goals.next(name, { parentGoalIds: [queue] }, { leaseMs: LEASE_MS });
    if (goal) return goal;
    // Another may hold one still: should it die, its ticket comes back when the lease ends.
    const held = { parentGoalIds: [queue], statuses: [GoalStatus.IN_PROGRESS] };
    const { items } = await holdfast.goals.page(held, { pageSize: 1 });
    if (items.length === 0) return undefined;
    await delay(POLL_MS);
  }
}

async function pursue(goal: Goal): Promise<void> {
  const ticket = ticketFromGoal(goal);
  const recalled = await recallChannel(holdfast, team.name, ticket.customer);
  let channel = recalled?.channel ?? "email";
  let seenId = recorder.observe({ type: "ticket", content: goal.title, goalId: goal.id }).id;
  const attempts: Attempt[] = [];
  while (!attempts.at(-1)?.solved && attempts.length < MAX_ATTEMPTS) {
    const tried = attempts.map(({ tool }) => tool);
    const attempt = await attemptOnce({ goal, ticket, recalled, channel, seenId, tried });
    attempts.push(attempt);
    // The next decision answers what came of this one.
    ({ seenId, channel } = attempt);
  }
  if (!recalled) await rememberChannel(holdfast, team.name, ticket.customer, channel);
  await conclude(goal, ticket, attempts, recalled);
}

/** What an attempt starts from. */
interface Situation {
  readonly goal: Goal;
  readonly ticket: Ticket;
  readonly recalled: ChannelMemory | undefined;
  readonly channel: Channel;
  /** The observation it answers. */
  readonly seenId: string;
  readonly tried: readonly Tool[];
}

interface Attempt {
  readonly tool: Tool;
  /** By which the tool was chosen. */
  readonly score: number;
  readonly solved: boolean;
  /** The observation of what came of it. */
  readonly seenId: string;
  /** By which the customer says to be reached. */
  readonly channel: Channel;
}

/** Chooses a tool, uses it, and tells what came of it: to the record, and to the selector. */
async function attemptOnce(situation: Situation): Promise<Attempt> {
  const { goal, ticket, recalled, channel, tried } = situation;
  // Thompson sampling: a tool is tried the likelier the better it may be, so the unknown gets its chance.
  const choice = await holdfast.selectors.select(team.selectorId, {
    candidates: TOOLS.filter((tool) => !tried.includes(tool)),
    goalType: ticket.kind,
    strategy: SelectionStrategy.THOMPSON,
    seed: BigInt(Math.floor(world.chance(ticket.number, "choice", ...tried) * 2 ** 32)),
    sessionId: session.id,
    agentId: name,
    goalId: goal.id,
  });
  const tool = choice.action as Tool;
  const scores = Object.fromEntries(choice.scores.map(({ action, score }) => [action, score]));
  // Nothing the recorder is told waits for the server.
  const common = { goalId: goal.id };
  const { id: actionId } = recorder.createAction({
    ...common,
    type: "tool_call",
    name: `${tool} by ${channel}`,
    tool,
    parameters: json({ ticket: ticket.number, channel }),
  });
  recorder.decide({
    ...common,
    type: "tool_choice",
    observationId: situation.seenId,
    actionId,
    reasoning: recalled ? `I remember that ${recalled.content}` : `I remember nothing of ${ticket.customer}`,
    labels: recalled ? { recalled: "yes" } : {},
    actionTaken: tool,
    alternatives: json(scores),
    context: json({ memory: recalled?.id, selection: choice.decisionId }),
  });
  recorder.startAction(actionId);
  await delay(Number(options["work-ms"]));
  const { solved, report, preferredChannel } = world.attempt(ticket, tool, channel);
  const observation = { ...common, type: "result", content: report, success: solved, actionId };
  const { id: seenId } = recorder.observe(observation);
  const score = solved ? 1 : 0;
  const status = solved ? ActionStatus.SUCCEEDED : ActionStatus.FAILED;
  recorder.finishAction(actionId, { status, successScore: score });
  const outcome = { action: tool, score, goalType: ticket.kind, decisionId: choice.decisionId };
  await holdfast.selectors.recordOutcome(team.selectorId, outcome);
  done.actions += 1;
  done.succeeded += score;
  return { tool, score: scores[tool] ?? 0, solved, seenId, channel: preferredChannel };
}

async function conclude(
  goal: Goal,
  ticket: Ticket,
  attempts: readonly Attempt[],
  recalled: ChannelMemory | undefined,
): Promise<void> {
  const solved = attempts.some((attempt) => attempt.solved);
  await holdfast.learning.recordEpisode(team.learningId, {
    steps: attempts.map(({ tool }) => tool),
    score: solved ? 1 / attempts.length : 0,
    goal: { type: ticket.kind },
  });
  const told = attempts.map(({ tool, score, solved }) => `${solved ? "✓" : "✗"} ${tool} ${score.toFixed(2)}`);
  const how = recalled ? `, by ${recalled.channel} as remembered` : "";
  say(`${`${goal.title}${how}`.padEnd(62)} ${told.join("  ")}`);
  if (!(await finish(goal, solved))) return say("  but another has taken that ticket over");
  done.goals += 1;
  if (solved) done.solved += 1;
}

/** False where the lease ran out meanwhile and another took the goal: then it has another revision. */
async function finish(goal: Goal, solved: boolean): Promise<boolean> {
  const status = solved ? GoalStatus.COMPLETED : GoalStatus.FAILED;
  try {
    await holdfast.goals.update(goal.id, { status }, { expectedRevision: goal.revision });
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === "ABORTED") return false;
    throw error;
  }
}

async function endSession(): Promise<void> {
  const { firstRejection } = await recorder.close();
  if (firstRejection) throw firstRejection.error;
  await holdfast.sessions.update(session.id, {
    goalsTotal: done.goals,
    goalsCompleted: done.solved,
    successRate: done.actions === 0 ? 0 : done.succeeded / done.actions,
  });
  await holdfast.sessions.close(session.id);
  await holdfast.close();
  say(`I solved ${done.solved} of ${done.goals} tickets with ${done.actions} actions`);
}

function ticketFromGoal({ labels }: Goal): Ticket {
  const { number = "", kind = "", customer = "" } = labels;
  return { number, kind, customer };
}

function say(line: string): void {
  process.stdout.write(`${name.padEnd(5)}${line}\n`);
}
