import { type Action, ActionStatus, type Event, SessionStatus } from "@holdfast/client";

/** One change as one readable line, after its position and the time of its commit. */
export function timelineLine(event: Event): string {
  return `${String(event.position).padStart(6)}  ${timeOf(event)}  ${whatHappened(event)}`;
}

function whatHappened({ entity }: Event): string {
  switch (entity.case) {
    case "session": {
      const { externalId, status, agentId } = entity.value;
      if (status === SessionStatus.ACTIVE) return `═ session ${externalId} of ${agentId} opens`;
      return `═ session ${externalId} ends, ${lower(SessionStatus[status])}`;
    }
    case "decision":
      return `◆ ${entity.value.reasoning} → ${entity.value.actionTaken}`;
    case "action":
      return `  ${actionStep(entity.value)}`;
    case "observation": {
      const { success, content } = entity.value;
      return `    ${success === false ? "✗" : "✓"} ${content}`;
    }
    case "performanceMetric": {
      const { name, value, unit } = entity.value;
      return `    · ${name} ${value}${unit === name ? "" : ` ${unit}`}`;
    }
    default:
      return `  a change of ${entity.case ?? "something this follower is too old to know"}`;
  }
}

function actionStep({ status, name, tool, successScore }: Action): string {
  switch (status) {
    case ActionStatus.PENDING:
      return `○ ${name} with ${tool}`;
    case ActionStatus.RUNNING:
      return `▶ ${name}`;
    default:
      return `■ ${name} ${lower(ActionStatus[status])}${successScore === undefined ? "" : `, score ${successScore}`}`;
  }
}

function lower(name: string | undefined): string {
  return (name ?? "unknown").toLowerCase();
}

/** UTC, to the millisecond. */
function timeOf({ commitTime }: Event): string {
  if (!commitTime) return "";
  const ms = Number(commitTime.seconds) * 1000 + Math.floor(commitTime.nanos / 1_000_000);
  return new Date(ms).toISOString().slice(11, 23);
}
