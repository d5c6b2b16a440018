import { readFileSync, writeFileSync } from "node:fs";

const HEADING = "## The last long run\n";
const PAGE = "docs/GUARANTEES.md";

/** Shows the table of a run at the end of the page of guarantees, in place of the one before. Returns the page's path. */
export function writeGuarantees(report: string): string {
  const page = readFileSync(PAGE, "utf8");
  const at = page.indexOf(HEADING);
  if (at < 0) throw new Error(`expected "${HEADING.trim()}" in ${PAGE}`);
  writeFileSync(PAGE, `${page.slice(0, at)}${HEADING}\n${report.trim().replace(/\n{3,}/g, "\n\n")}\n`);
  return PAGE;
}
