import type { LearningGoal } from "../../../gen/holdfast/v1/learning_system_pb.js";
import { MAX_COLLECTION_SIZE, MAX_ITEM_LENGTH, MAX_KEY_LENGTH } from "../../entities/column-values.js";
import type { RequestCheck } from "./request-check.js";

/** Words of a description that say what kind of goal it is: the verb and what it is about come first. */
const PREFIX_WORDS = 5;
/** Characters of what a goal is filed under, so that the library stays small whatever labels are. */
const MAX_GOAL_LENGTH = 200;

/** Characters of a goal's description, all of whose words are looked at. */
const MAX_DESCRIPTION_LENGTH = 10_000;

/** Adds what is wrong with the goal of a request. */
export function checkGoal(check: RequestCheck, { type, description, labels }: LearningGoal): void {
  check.length("goal.type", type, MAX_KEY_LENGTH);
  check.length("goal.description", description, MAX_DESCRIPTION_LENGTH);
  check.range("goal.labels", Object.keys(labels).length, 0, MAX_COLLECTION_SIZE);
  for (const [key, value] of Object.entries(labels)) {
    check.length("goal.labels", key, MAX_KEY_LENGTH);
    check.length("goal.labels", value, MAX_ITEM_LENGTH);
  }
}

/** What an episode's goal is filed under; empty for a goal that says nothing. */
export function goalKey({ type, description, labels }: LearningGoal): string {
  const parts =
    type === "" ? [...words(description).slice(0, PREFIX_WORDS), ...labelWords(labels)] : words(type);
  return parts.join(" ").slice(0, MAX_GOAL_LENGTH);
}

/** Every word of a goal, to compare with those it may be filed under. */
export function goalWords({ type, description, labels }: LearningGoal): ReadonlySet<string> {
  return new Set([...words(type), ...words(description), ...labelWords(labels)]);
}

/** The share of the words of `key` that a goal has, 0 to 1. */
export function likeness(key: string, goal: ReadonlySet<string>): number {
  const parts = new Set(key.split(" "));
  return [...parts].filter((part) => goal.has(part)).length / parts.size;
}

function words(text: string): readonly string[] {
  return (
    text
      .normalize("NFKC")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  );
}

// Spaces part the words of a key.
function labelWords(labels: Readonly<Record<string, string>>): readonly string[] {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.map((pair) => pair.toLowerCase().replaceAll(/\s+/g, "_")).sort();
}
