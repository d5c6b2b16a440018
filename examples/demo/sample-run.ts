import { existsSync, readFileSync } from "node:fs";
import { arrayElements, objectMembers } from "./json-slices.js";
import { uuidV5 } from "./uuid-v5.js";

/** What the older agent did between its start and its end. */
export interface SampleRun {
  readonly session: SampleSession;
  readonly goals: readonly SampleGoal[];
}

export interface SampleSession {
  readonly id: string;
  readonly sourceId: string;
  /** UTC: the older agent wrote no zone. */
  readonly startTime: Date;
  readonly endTime: Date;
  readonly goalsAttempted: number;
  readonly goalsCompleted: number;
  readonly successRate: number;
  /** The record as it stands in the file, byte for byte. */
  readonly raw: Buffer;
}

export interface SampleGoal {
  readonly id: string;
  readonly sourceId: string;
  readonly description: string;
  readonly raw: Buffer;
  readonly actions: readonly SampleAction[];
}

export interface SampleAction {
  readonly id: string;
  readonly sourceId: string;
  readonly tool: string;
  readonly name: string;
  /** Value of the record's `parameters`, byte for byte. */
  readonly parameters: Buffer;
  /** Value of the record's `result`, byte for byte. */
  readonly result: Buffer;
  readonly succeeded: boolean;
  readonly successScore: number;
  readonly observation: SampleObservation;
}

export interface SampleObservation {
  readonly id: string;
  readonly sourceId: string;
  readonly type: string;
  readonly content: string;
  readonly success: boolean;
  readonly metrics: Readonly<Record<string, number>>;
  readonly raw: Buffer;
}

/** An arbitrary UUID of our own: the ids of the demo are those of the older agent within it. */
const NAMESPACE = "6f1d2c0e-54a9-4f0b-9c37-0d6b8a1f4e52";

/** The id in Holdfast of something the older agent knew by another: the same in every run. */
export function demoId(kind: string, sourceId: string): string {
  return uuidV5(NAMESPACE, `${kind}:${sourceId}`);
}

/** Reads the sample that lies beside this demo. */
export function loadSampleRun(): SampleRun {
  const state = (file: string) => readFileSync(new URL(`.agent_state/${file}`, sampleDirectory()));
  const observations = new Map(
    elementsOf(state("observations.json"), "observations").map((raw) => {
      const observation = sampleObservation(raw);
      return [text(raw, "action_id"), observation];
    }),
  );
  const actions = arrayElements(state("actions.json"));
  const goals = elementsOf(state("goals.json"), "goals").map((raw): SampleGoal => {
    const sourceId = text(raw, "id");
    return {
      id: demoId("goal", sourceId),
      sourceId,
      description: text(raw, "description"),
      raw,
      actions: actions
        .filter((action) => text(action, "goal_id") === sourceId)
        .map((action) => sampleAction(action, observations)),
    };
  });
  return { session: sampleSession(), goals };
}

function sampleSession(): SampleSession {
  const file = readFileSync(new URL(".agent_knowledge/session_history.json", sampleDirectory()));
  const [raw] = arrayElements(file);
  if (!raw) throw new Error("the sample has no session");
  const sourceId = text(raw, "session_id");
  return {
    id: demoId("session", sourceId),
    sourceId,
    startTime: new Date(`${text(raw, "start_time")}Z`),
    endTime: new Date(`${text(raw, "end_time")}Z`),
    goalsAttempted: number(raw, "goals_attempted"),
    goalsCompleted: number(raw, "goals_completed"),
    successRate: number(raw, "total_success_rate"),
    raw,
  };
}

function sampleAction(raw: Buffer, observations: ReadonlyMap<string, SampleObservation>): SampleAction {
  const sourceId = text(raw, "id");
  const observation = observations.get(sourceId);
  if (!observation) throw new Error(`the sample has no observation of ${sourceId}`);
  return {
    id: demoId("action", sourceId),
    sourceId,
    tool: text(raw, "type"),
    name: text(raw, "description"),
    parameters: member(raw, "parameters"),
    result: member(raw, "result"),
    succeeded: text(raw, "status") === "completed",
    successScore: number(raw, "success_score"),
    observation,
  };
}

function sampleObservation(raw: Buffer): SampleObservation {
  const sourceId = text(raw, "id");
  return {
    id: demoId("observation", sourceId),
    sourceId,
    type: text(raw, "type"),
    content: text(raw, "content"),
    success: parsed(raw, "success") === true,
    metrics: parsed(raw, "metadata") as Record<string, number>,
    raw,
  };
}

function elementsOf(file: Buffer, name: string): readonly Buffer[] {
  return arrayElements(member(file, name));
}

function member(record: Buffer, name: string): Buffer {
  const value = objectMembers(record).get(name);
  if (!value) throw new Error(`the sample has a record without ${name}`);
  return value;
}

function parsed(record: Buffer, name: string): unknown {
  return JSON.parse(member(record, name).toString());
}

const text = (record: Buffer, name: string) => parsed(record, name) as string;
const number = (record: Buffer, name: string) => parsed(record, name) as number;

/** The compiled demo lies in dist/examples/demo/, the sample with the sources. */
function sampleDirectory(): URL {
  const beside = new URL("sample/", import.meta.url);
  return existsSync(beside) ? beside : new URL("../../../examples/demo/sample/", import.meta.url);
}
