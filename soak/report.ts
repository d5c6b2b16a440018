import { count } from "../bench/support/table.js";
import type { Violation } from "../chaos/checks/guarantee.js";
import type { RunDescription } from "../chaos/report.js";
import type { Course } from "./judge.js";

/** What came of a soak. */
export interface SoakVerdict {
  readonly acknowledged: number;
  readonly samples: number;
  readonly courses: readonly Course[];
  readonly violations: readonly Violation[];
  /** What the harness itself found wrong with how it ended. */
  readonly troubles: readonly string[];
}

const HEAD = ["", "at rest before", "first third", "last third", "at rest after", "an hour", "limit"];

/** The tables of a soak, as docs/GUARANTEES.md shows them. */
export function formatSoak(run: RunDescription, verdict: SoakVerdict): string {
  const { machine, versions } = run;
  const rows: readonly (readonly string[])[] = [
    ["date", run.time],
    ["commit", run.commit],
    ["machine", `${machine.processors} × ${machine.processor}, ${machine.memoryGiB} GiB, ${machine.system}`],
    ["versions", `Node ${versions.node}, Postgres ${versions.postgres}`],
    ["command", `\`${run.command}\``],
    ["acknowledged", count(verdict.acknowledged)],
    ["samples", count(verdict.samples)],
    ["violations", String(verdict.violations.length)],
    ["leaks", String(verdict.courses.filter(({ leak }) => leak !== undefined).length)],
  ];
  const courses = verdict.courses.map(({ process, figure, ...course }) => [
    `${process}: ${figure}`,
    ...[course.restBefore, course.first, course.last, course.restAfter].map(shown),
    `${course.perHour < 0 ? "" : "+"}${shown(course.perHour)}`,
    shown(course.limitPerHour),
  ]);
  return [
    table(["", ""], rows),
    "",
    table(HEAD, courses),
    "",
    ...verdict.troubles.map((trouble) => `Trouble: ${trouble}.`),
    ...verdict.courses.flatMap(({ process, figure, leak }) =>
      leak === undefined ? [] : [`Leak: ${process}: ${figure} ${leak}.`],
    ),
    ...verdict.violations.map(({ guarantee, text }) => `${guarantee}: ${text}`),
  ].join("\n");
}

function shown(value: number): string {
  return value.toFixed(1).replace(/\.0$/, "");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
