import { decision } from "../entities/decision.js";
import { performanceMetric } from "../entities/performance-metric.js";
import { securityAudit } from "../entities/security-audit.js";
import { boolean, link, number, payload, status, tags, text, texts, time } from "./field-rules.js";
import type { SourceKind } from "./source-kind.js";
import { SECURITY_LEVEL } from "./status-names.js";

/** What an agent wrote once, in its database alone. */
export const writtenKinds: readonly SourceKind[] = [
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
