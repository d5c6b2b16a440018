import { ConfigurationLayer } from "../../gen/holdfast/v1/configuration_pb.js";
import { GoalStatus } from "../../gen/holdfast/v1/goal_pb.js";
import { MemoryType } from "../../gen/holdfast/v1/memory_pb.js";
import { type Member, membersOf } from "./json-text.js";
import { type Mapping, put } from "./map-value.js";
import { holdsSecret, isSecretName } from "./secret-names.js";
import type { SourceKind } from "./source-kind.js";
import { sourceTime } from "./source-time.js";
import { hasUnstorable } from "./source-values.js";

type Members = ReadonlyMap<string, Member>;

/** Fields that follow from others of the record. */
export function deriveFields({ kind }: SourceKind, members: Members, mapping: Mapping): void {
  const { message } = mapping;
  switch (kind) {
    case "goal":
      // What the source said is not to be recomputed from the parts.
      if (members.has("progress")) put(mapping, "progressIsSet", true);
      deriveCompletion(members, mapping);
      return;
    case "configuration":
      put(mapping, "layer", ConfigurationLayer.TENANT);
      put(mapping, "isSecret", isSecret(members));
      return;
    case "memory":
      if (message.type === 0) put(mapping, "type", MemoryType.EPISODIC);
      if (message.content === "") put(mapping, "content", memoryContent(members));
      return;
    case "chat":
      put(mapping, "type", MemoryType.EPISODIC);
      return;
    case "learning_system":
      deriveScores(members.get("strategy_performance")?.raw, mapping);
      return;
  }
}

/** A finished goal that does not say since when: the last time known of it, not the time of the import. */
function deriveCompletion(members: Members, mapping: Mapping): void {
  const { status, completeTime } = mapping.message;
  if (completeTime !== undefined || !FINAL.has(status as GoalStatus)) return;
  for (const name of ["updated_at", "created_at"]) {
    const raw = members.get(name)?.raw;
    const found = raw?.startsWith('"') ? sourceTime(JSON.parse(raw) as string) : undefined;
    if (found) {
      put(mapping, "completeTime", found.timestamp);
      return;
    }
  }
}

const FINAL: ReadonlySet<GoalStatus> = new Set([
  GoalStatus.COMPLETED,
  GoalStatus.FAILED,
  GoalStatus.CANCELLED,
]);

function isSecret(members: Members): boolean {
  const key = members.get("config_key")?.raw ?? "";
  const value = members.get("config_value")?.raw ?? "";
  return isSecretName(key.replaceAll('"', ""), value) || holdsSecret(value);
}

/** Words for search from what the memory is of: the goal, the action, what came of it. */
function memoryContent(members: Members): string {
  const part = (names: readonly string[], name: string) => {
    const raw = names.map((each) => members.get(each)?.raw).find((each) => each?.startsWith("{"));
    const found = raw && membersOf(raw).findLast((member) => member.name === name)?.raw;
    const text = found?.startsWith('"') ? (JSON.parse(found) as string) : "";
    return text.slice(0, 1000).replace(/\0|\p{Surrogate}/gu, "\ufffd");
  };
  const action = ["action", "action_data"];
  const observation = ["observation", "observation_data"];
  return [
    part(["context", "context_data"], "goal_description"),
    part(action, "name"),
    part(observation, "status"),
    part(observation, "result"),
  ]
    .filter((text) => text !== "")
    .join(": ");
}

/** The mean and the number of the outcomes of each strategy. */
function deriveScores(raw: string | undefined, mapping: Mapping): void {
  if (!raw?.startsWith("{")) return;
  const scores: [string, number][] = [];
  const counts: [string, bigint][] = [];
  for (const { name, raw: outcomes } of membersOf(raw)) {
    const values = outcomes.slice(1, -1).split(",").map(Number);
    const isUsable = outcomes.startsWith("[") && outcomes.length > 2 && values.every(Number.isFinite);
    if (!isUsable || name.length > 100 || hasUnstorable(name) || scores.length >= 10_000) continue;
    scores.push([name, values.reduce((sum, value) => sum + value, 0) / values.length]);
    counts.push([name, BigInt(values.length)]);
  }
  put(mapping, "strategyScores", Object.fromEntries(scores));
  put(mapping, "strategyCounts", Object.fromEntries(counts));
  if (!mapping.given.has("totalEpisodes")) {
    put(
      mapping,
      "totalEpisodes",
      counts.reduce((sum, [, episodes]) => sum + episodes, 0n),
    );
  }
}
