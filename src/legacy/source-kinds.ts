import { action } from "../entities/action.js";
import { actionSelector } from "../entities/action-selector.js";
import { configuration } from "../entities/configuration.js";
import { crossSessionPattern } from "../entities/cross-session-pattern.js";
import { decision } from "../entities/decision.js";
import type { EntityDeclaration } from "../entities/declaration.js";
import { goal } from "../entities/goal.js";
import { learningSystem } from "../entities/learning-system.js";
import { memory } from "../entities/memory.js";
import { observation } from "../entities/observation.js";
import { performanceMetric } from "../entities/performance-metric.js";
import { securityAudit } from "../entities/security-audit.js";
import { session } from "../entities/session.js";
import {
  boolean,
  count,
  counts,
  type FieldRules,
  link,
  number,
  numbers,
  payload,
  scaled,
  status,
  tags,
  text,
  texts,
  time,
} from "./field-rules.js";
import { ACTION_STATUS, GOAL_STATUS, MEMORY_TYPE, SECURITY_LEVEL } from "./status-names.js";

/**
 * How records lie in a file: items of a list, members of an object, of its
 * sections, the file itself, lines; or one a line, whatever its kind, as they were mended.
 */
export type FileShape = "list" | "map" | "sections" | "one" | "lines" | "records";

/** One kind of thing the older agent kept, and which of its fields are whose here. */
export interface SourceKind {
  /** With the record's own id it makes the id here: never change one. */
  readonly kind: string;
  readonly entity: EntityDeclaration;
  readonly files: readonly string[];
  readonly shape: FileShape;
  /** Members of the file's object that may hold the list. */
  readonly lists?: readonly string[];
  readonly table?: string;
  /** Source fields that may hold the record's own id, the first that is there; none: it follows from the place. */
  readonly id: readonly string[];
  /** The payload field that keeps what has no field of its own. */
  readonly rest: "metadata" | "data";
  readonly fields: FieldRules;
  /** Where the database's columns mean something else than the files' fields. */
  readonly tableFields?: FieldRules;
}

/** In the order they are imported: what others need first. */
export const sourceKinds: readonly SourceKind[] = [
  {
    kind: "session",
    entity: session,
    files: ["session_history.json"],
    shape: "list",
    table: "sessions",
    id: ["session_id"],
    rest: "metadata",
    fields: {
      session_type: text("type"),
      start_time: time("startTime"),
      end_time: time("endTime"),
      goals_attempted: count("goalsTotal"),
      total_goals: count("goalsTotal"),
      goals_completed: count("goalsCompleted"),
      total_success_rate: number("successRate"),
      success_rate: number("successRate"),
      created_at: time(),
    },
  },
  {
    kind: "configuration",
    entity: configuration,
    files: [".agent_config.json"],
    shape: "sections",
    table: "configurations",
    id: ["config_key"],
    rest: "metadata",
    fields: {
      config_key: text("key"),
      config_value: payload("value"),
      config_type: text("type"),
      description: text("description"),
      is_active: boolean("active"),
      created_at: time(),
      updated_at: time(),
    },
  },
  {
    kind: "goal",
    entity: goal,
    files: ["goals.json", "goal_manager.json", "goals_data.json"],
    shape: "list",
    lists: ["goals", "goal_list", "items"],
    table: "goals",
    id: ["id"],
    rest: "metadata",
    fields: {
      title: text("title"),
      description: text("description"),
      priority: number("priority"),
      status: status("status", GOAL_STATUS),
      progress: number("progress"),
      constraints: payload("constraints"),
      created_by: text("createdBy"),
      target_date: time("targetTime"),
      completed_at: time("completeTime"),
      created_at: time(),
      updated_at: time(),
    },
    tableFields: { priority: scaled("priority", 10) },
  },
  {
    kind: "todo",
    entity: goal,
    files: ["todos.json"],
    shape: "list",
    lists: ["todos", "items"],
    table: "todos",
    id: ["id"],
    rest: "metadata",
    fields: {
      title: text("title"),
      status: status("status", GOAL_STATUS),
      priority: scaled("priority", 5),
      completed_at: time("completeTime"),
      created_at: time(),
    },
  },
  {
    kind: "action",
    entity: action,
    files: ["actions.json"],
    shape: "list",
    lists: ["actions", "action_list", "items"],
    table: "actions",
    id: ["action_id", "id"],
    rest: "metadata",
    fields: {
      goal_id: link("goalId", "goal"),
      agent_id: text("agentId"),
      type: text("type"),
      action_type: text("type"),
      name: text("name"),
      tool_name: text("tool"),
      description: text("description"),
      parameters: payload("parameters"),
      status: status("status", ACTION_STATUS),
      result: payload("result"),
      success_score: number("successScore"),
      cost: number("cost"),
      expected_outcome: text("expectedOutcome"),
      prerequisites: texts("prerequisites"),
      user_id: text("userId"),
      started_at: time("startTime"),
      completed_at: time("completeTime"),
      created_at: time(),
    },
  },
  {
    kind: "observation",
    entity: observation,
    files: ["observations.json"],
    shape: "list",
    lists: ["observations", "observation_list", "items"],
    table: "observations",
    id: ["observation_id", "id"],
    rest: "data",
    fields: {
      action_id: link("actionId", "action"),
      goal_id: link("goalId", "goal"),
      content: text("content"),
      type: text("type"),
      observation_type: text("type"),
      success: boolean("success"),
      feedback: text("feedback"),
      metadata: numbers("metrics"),
      metrics: numbers("metrics"),
      timestamp: time("occurTime"),
      created_at: time("occurTime"),
    },
  },
  {
    kind: "memory",
    entity: memory,
    files: ["episodic_memory.json"],
    shape: "list",
    lists: ["episodic", "memories", "episodic_memory", "working", "working_memory", "items"],
    table: "memories",
    id: ["memory_id", "id"],
    rest: "metadata",
    fields: {
      type: status("type", MEMORY_TYPE),
      memory_type: status("type", MEMORY_TYPE),
      content: text("content"),
      goal_id: link("goalId", "goal"),
      action: payload("action"),
      action_data: payload("action"),
      observation: payload("observation"),
      observation_data: payload("observation"),
      context: payload("context"),
      context_data: payload("context"),
      success_score: number("successScore"),
      importance: number("importance"),
      timestamp: time(),
      created_at: time(),
      accessed_at: time(),
    },
  },
  {
    kind: "chat",
    entity: memory,
    files: ["chat_memory.jsonl"],
    shape: "lines",
    id: [],
    rest: "metadata",
    fields: { text: text("content"), meta: payload("context") },
  },
  {
    kind: "pattern",
    entity: crossSessionPattern,
    files: ["knowledge_patterns.json"],
    shape: "map",
    table: "cross_session_patterns",
    id: ["pattern_id"],
    rest: "metadata",
    fields: {
      pattern_type: text("type"),
      description: text("description"),
      parameters: payload("data"),
      pattern_data: payload("data"),
      confidence_score: number("confidence"),
      usage_count: count("usageCount"),
      success_rate: number("successRate"),
      last_used: time("lastUsedTime"),
      created_at: time(),
      updated_at: time(),
    },
  },
  {
    kind: "action_selector",
    entity: actionSelector,
    files: ["action_selector.json"],
    shape: "one",
    table: "action_selectors",
    id: ["id"],
    rest: "metadata",
    fields: {
      type: text("type"),
      selector_type: text("type"),
      action_scores: numbers("actionScores"),
      action_counts: counts("actionCounts"),
      context_weights: numbers("contextWeights"),
      action_history: payload("actionHistory"),
      goal_patterns: payload("goalPatterns"),
      learning_rate: number("learningRate"),
      epsilon: number("epsilon"),
      last_updated: time(),
      created_at: time(),
    },
  },
  {
    kind: "learning_system",
    entity: learningSystem,
    files: ["learning_system.json"],
    shape: "one",
    table: "learning_systems",
    id: ["id"],
    rest: "metadata",
    fields: {
      system_type: text("type"),
      strategy_performance: payload("strategies"),
      learned_strategies: payload("strategies"),
      strategy_scores: numbers("strategyScores"),
      pattern_library: payload("patternLibrary"),
      total_episodes: count("totalEpisodes"),
      learning_history: payload("history"),
      best_strategies: texts("bestStrategies"),
      last_updated: time(),
      created_at: time(),
    },
  },
  {
    kind: "decision",
    entity: decision,
    files: [],
    shape: "list",
    table: "decisions",
    id: ["decision_id"],
    rest: "metadata",
    fields: {
      session_id: link("sessionId", "session"),
      decision_type: text("type"),
      context: payload("context"),
      alternatives: payload("alternatives"),
      reasoning: text("reasoning"),
      confidence: number("confidence"),
      action_taken: text("actionTaken"),
      outcome: text("outcome"),
      execution_time_ms: number("durationMs"),
      created_at: time(),
    },
  },
  {
    kind: "performance_metric",
    entity: performanceMetric,
    files: [],
    shape: "list",
    table: "performance_metrics",
    id: ["id"],
    rest: "metadata",
    fields: {
      metric_name: text("name"),
      metric_value: number("value"),
      metric_unit: text("unit"),
      component: text("component"),
      tags: tags("tags"),
      timestamp: time("time"),
    },
  },
  {
    kind: "security_audit",
    entity: securityAudit,
    files: [],
    shape: "list",
    table: "security_audits",
    id: ["audit_id"],
    rest: "metadata",
    fields: {
      operation_type: text("operation"),
      target: text("target"),
      is_valid: boolean("valid"),
      security_level: status("level", SECURITY_LEVEL),
      message: text("message"),
      suggestions: texts("suggestions"),
      timestamp: time(),
    },
  },
];

/** @throws TypeError for a kind there is none of */
export function kindNamed(name: string): SourceKind {
  const found = sourceKinds.find(({ kind }) => kind === name);
  if (!found) throw new TypeError(`no kind ${name}`);
  return found;
}
