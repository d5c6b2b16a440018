// The agent of the demo: a process that does again, as if live, what an older agent did.
import { parseArgs } from "node:util";
import { ActionStatus, bytes, connect, type Recorder, SessionStatus } from "@holdfast/client";
import { demoAddress } from "./address.js";
import { createPace } from "./pace.js";
import { demoId, loadSampleRun, type SampleAction, type SampleGoal, type SampleRun } from "./sample-run.js";

const AGENT_ID = "demo-agent";
const DEFAULT_SECONDS = 9;

const { values: options } = parseArgs({
  options: { seconds: { type: "string" }, fast: { type: "boolean", default: false } },
});

const run = loadSampleRun();
const holdfast = connect({
  address: demoAddress(),
  // Whoever kills the server wants to see the run wait for it, not end.
  deadlineMs: 0,
  retry: { maxDelayMs: 1000 },
});
const isRepeated = await openSession(run);
if (isRepeated) say("this run has ended already: doing it all again, without pauses");
const seconds = options.fast || isRepeated ? 0 : Number(options.seconds ?? DEFAULT_SECONDS);
const pace = paceOf(run, seconds * 1000);
const recorder = holdfast.recorder({
  sessionId: run.session.id,
  agentId: AGENT_ID,
  onInterrupted: ({ code }) => say(`the server is away (${code}); I keep what I do until it is back`),
});
for (const goal of run.goals) await pursue(goal, recorder);
const totals = await recorder.close();
if (totals.rejected === 0) await closeSession(run);
await holdfast.close();
report();

/** Whether the session was closed by an earlier run. */
async function openSession({ session }: SampleRun): Promise<boolean> {
  const { position } = await holdfast.sessions.open({
    id: session.id,
    externalId: demoName(session.sourceId),
    agentId: AGENT_ID,
    type: "replay",
    startTime: session.startTime,
    goalsTotal: session.goalsAttempted,
    goalsCompleted: session.goalsCompleted,
    successRate: session.successRate,
    metadata: original(session.raw),
  });
  say(`session ${session.id} is in the log since position ${position}`);
  // Opening again answers as the first time did; how the session is now is another question.
  const { status } = await holdfast.sessions.get(session.id);
  return status !== SessionStatus.ACTIVE;
}

async function closeSession({ session }: SampleRun): Promise<void> {
  const end = { status: SessionStatus.COMPLETED, endTime: session.endTime };
  await holdfast.sessions.close(session.id, end, { requestId: demoId("close", session.sourceId) });
}

async function pursue(goal: SampleGoal, recorder: Recorder): Promise<void> {
  const [first] = goal.actions;
  recorder.decide({
    id: demoId("decision", goal.sourceId),
    externalId: demoName(`plan_${goal.sourceId}`),
    type: "plan",
    goalId: goal.id,
    context: original(goal.raw),
    reasoning: goal.description,
    ...(first && { actionTaken: first.name, actionId: first.id }),
  });
  for (const action of goal.actions) await act(action, goal, recorder);
}

/** Nothing here waits for the server: the recorder does, in order, and as long as it takes. */
async function act(action: SampleAction, goal: SampleGoal, recorder: Recorder): Promise<void> {
  const { observation, sourceId } = action;
  const common = { actionId: action.id, goalId: goal.id };
  await pace.think();
  recorder.createAction({
    id: action.id,
    externalId: demoName(sourceId),
    type: action.tool,
    name: action.name,
    tool: action.tool,
    goalId: goal.id,
    parameters: original(action.parameters),
  });
  recorder.startAction(action.id, { requestId: demoId("start", sourceId) });
  await pace.work(observation.metrics.latency_ms ?? 0);
  recorder.observe({
    ...common,
    id: observation.id,
    externalId: demoName(observation.sourceId),
    type: observation.type,
    content: observation.content,
    success: observation.success,
    metrics: observation.metrics,
    data: original(observation.raw),
  });
  for (const [name, value] of Object.entries(observation.metrics)) {
    recorder.measure({
      id: demoId(`metric:${name}`, observation.sourceId),
      name,
      value,
      unit: name.endsWith("_ms") ? "ms" : name,
      component: action.tool,
      labels: { action: sourceId },
    });
  }
  recorder.finishAction(action.id, {
    requestId: demoId("finish", sourceId),
    status: action.succeeded ? ActionStatus.SUCCEEDED : ActionStatus.FAILED,
    result: original(action.result),
    successScore: action.successScore,
  });
}

function report(): void {
  const { stored, duplicates, rejected, firstRejection } = totals;
  if (firstRejection) {
    say(
      `${rejected} records were refused, the first (${firstRejection.kind}): ${firstRejection.error.message}`,
    );
    process.exitCode = 1;
  } else if (duplicates === stored) {
    say(`all ${stored} records were there from an earlier run: this one added nothing`);
  } else {
    const known = duplicates === 0 ? "" : ` (${duplicates} were there already when I sent them again)`;
    say(`all ${stored} records are durable${known}`);
  }
}

function paceOf({ goals }: SampleRun, totalMs: number) {
  const actions = goals.flatMap((goal) => goal.actions);
  const workMs = actions.reduce((sum, { observation }) => sum + (observation.metrics.latency_ms ?? 0), 0);
  return createPace(totalMs, workMs, actions.length);
}

/** JSON as the older agent wrote it, not as JSON.stringify would. */
function original(json: Buffer) {
  return bytes(json, "application/json");
}

/** Names of the demo's own, so that an import of the same files finds theirs free. */
function demoName(sourceId: string): string {
  return `demo:${sourceId}`;
}

function say(line: string): void {
  process.stdout.write(`agent: ${line}\n`);
}
