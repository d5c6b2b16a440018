import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { build } from "./build.js";
import { install } from "./install.js";
import { PROJECT } from "./project.js";
import { receiveSignalsOnce } from "./receive-signals-once.js";
import { stopWithParent } from "./stop-with-parent.js";

/**
 * The module that each target runs, if any, and what comes before the caller's own arguments.
 * @type {Record<string, { module?: string, args: string[] }>}
 */
const TARGETS = {
  build: { args: [] },
  serve: { module: "dist/bundle/bin.js", args: ["serve"] },
  demo: { module: "dist/examples/demo/main.js", args: [] },
  agent: { module: "dist/examples/learning-agent/main.js", args: [] },
  bench: { module: "dist/bench/main.js", args: [] },
  compare: { module: "dist/bench/compare.js", args: [] },
  peers: { module: "bench/peers/main.js", args: [] },
  chaos: { module: "dist/chaos/main.js", args: [] },
  fuzz: { module: "dist/fuzz/main.js", args: [] },
  soak: { module: "dist/soak/main.js", args: [] },
  test: { module: "dist/test/runner/main.js", args: [] },
};

/**
 * Installs and builds what is missing, then becomes the target: it runs in this
 * very process, so signals and exit codes are its own. With `--npm PID` before
 * its name, as package.json has it, it stops when that process is gone.
 * @param {string[]} words
 */
export async function run(words) {
  const isOfNpm = words[0] === "--npm";
  const [name, ...args] = isOfNpm ? words.slice(2) : words;
  const target = name === undefined ? undefined : TARGETS[name];
  if (!target) {
    console.error(`usage: node scripts/run.js ${Object.keys(TARGETS).join("|")} [arguments]`);
    process.exit(2);
  }
  const isStopping = receiveSignalsOnce();
  if (isOfNpm) stopWithParent(Number(words[1]), isStopping);
  try {
    await install();
    await build();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
  if (target.module === undefined) return;
  const path = `${PROJECT}${target.module}`;
  if (!existsSync(path)) {
    console.error(`${target.module} does not exist: this version has no ${name}.`);
    process.exit(1);
  }
  process.setSourceMapsEnabled(true);
  process.argv = [process.argv[0] ?? "node", path, ...target.args, ...args];
  await import(pathToFileURL(path).href);
}
