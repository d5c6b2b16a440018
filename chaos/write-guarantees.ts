import { readFileSync, writeFileSync } from "node:fs";

const PAGE = "docs/GUARANTEES.md";

/** Shows the report of a run in its section of the page of guarantees, in place of the one before. Returns the page's path. */
export function writeGuarantees(section: string, report: string): string {
  const page = readFileSync(PAGE, "utf8");
  const heading = `## ${section}\n`;
  const at = page.indexOf(heading);
  if (at < 0) throw new Error(`expected "${heading.trim()}" in ${PAGE}`);
  const next = page.indexOf("\n## ", at);
  const rest = next < 0 ? "" : page.slice(next);
  const shown = report.trim().replace(/\n{3,}/g, "\n\n");
  writeFileSync(PAGE, `${page.slice(0, at)}${heading}\n${shown}\n${rest}`);
  return PAGE;
}
