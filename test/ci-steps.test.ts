import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const STEPS = fileURLToPath(new URL("../.ci/steps.sh", import.meta.url));

/** Runs a script of stages and steps as .ci/run does. */
function run(script: string) {
  const text = `set -euo pipefail\n. ${STEPS}\n${script}`;
  const { status, stdout } = spawnSync("bash", ["-c", text], { encoding: "utf8", stdio: "pipe", input: "" });
  const lines = stdout.trimEnd().split("\n");
  const summary = lines.slice(lines.indexOf("== what each stage and step took, of its budget") + 1, -1);
  return {
    status,
    last: lines.at(-1),
    lines,
    summary: summary.map((line) => line.replaceAll(/\d+ s/g, "N s")),
  };
}

const TESTS = String.raw`step tests
printf 'a test\n5 passed, 0 failed\n' | keep_closing_line`;

describe("a run in stages", () => {
  test("shows what each took against its budget, then the counts of the tests, whatever came after them", () => {
    const { status, last, lines, summary } = run(`stage core 10
      step "a check"
      true
      ${TESTS}
      stage languages 8
      step python
      echo "from python"`);
    expect(summary).toEqual([
      "core: N s of N s",
      "      N s  a check",
      "      N s  tests",
      "languages: N s of N s",
      "      N s  python",
    ]);
    expect(lines.indexOf("a test")).toBeLessThan(lines.indexOf("from python"));
    expect([status, last]).toEqual([0, "5 passed, 0 failed"]);
  });

  test("says when one took longer than its budget, and does not fail for it", () => {
    const { status, summary } = run("stage core 0\nstep slow\nsleep 1.1");
    expect(summary[0]).toMatch(/^core: N s of N s {2}OVER ITS BUDGET, by N s$/);
    expect(status).toBe(0);
  });

  test.each([
    ["before the tests", `stage core 10\nstep lint\nfalse\n${TESTS}`, "lint", "0 passed, 1 failed"],
    [
      "after the tests",
      `stage core 10\n${TESTS}\nstage browser 4\nstep page\nfalse`,
      "page",
      "5 passed, 1 failed",
    ],
    [
      "beside another",
      `stage core 10\nbegin bug false\nstep chaos\ntrue\nstep bug\nfinish bug`,
      "bug",
      "0 passed, 1 failed",
    ],
  ])("fails at the first step that fails, %s", (_, script, step, closing) => {
    const { status, last, summary } = run(script);
    expect(summary.at(-1)).toBe(`      N s  ${step}  FAILED`);
    expect([status, last]).toEqual([1, closing]);
  });

  test("fails with tests that fail, and shows their counts", () => {
    const { status, last } = run(
      "stage core 10\nstep tests\n(echo '4 passed, 2 failed'; exit 1) | keep_closing_line",
    );
    expect([status, last]).toEqual([1, "4 passed, 2 failed"]);
  });

  test("ends with counts also when the tests were killed before they said any", () => {
    const { status, last, lines } = run(
      "stage core 10\nstep tests\n(printf 'a test\\nanother'; exit 143) | keep_closing_line",
    );
    expect([status, last]).toEqual([143, "0 passed, 1 failed"]);
    expect(lines).toContain("another");
  });
});
