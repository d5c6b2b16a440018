import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { bundle } from "./bundle.js";
import { PROJECT } from "./project.js";
import { replaceFiles } from "./replace-files.js";
import { runChild } from "./run-child.js";
import { sourceStamp } from "./source-stamp.js";
import { withLock } from "./with-lock.js";

const DIST = `${PROJECT}dist/`;
/** Where the compiler writes to. It is no deeper than dist: maps name the sources relative to where they lie. */
const BUILDING = `${PROJECT}dist.building/`;
/** What the sources looked like when dist was made. */
const STAMP = `${DIST}.stamp`;

/**
 * Compiles the project into dist/ unless that is up to date. The compiler
 * writes beside it and whole files are moved over, so that a program which
 * starts meanwhile never reads half of one.
 */
export async function build() {
  if (isBuilt()) return;
  await withLock(`${DIST}.build.lock`, async () => {
    if (isBuilt()) return;
    console.error("Building …");
    // Taken before compiling: what is edited meanwhile is for the next build.
    const stamp = sourceStamp();
    rmSync(BUILDING, { recursive: true, force: true });
    await compile(BUILDING);
    linkClient(BUILDING);
    await bundle(BUILDING);
    replaceFiles(BUILDING, DIST);
    rmSync(BUILDING, { recursive: true, force: true });
    writeFileSync(STAMP, stamp);
  });
}

function isBuilt() {
  try {
    return readFileSync(STAMP, "utf8") === sourceStamp();
  } catch {
    return false;
  }
}

/** @param {string} output */
async function compile(output) {
  const tsc = `${PROJECT}node_modules/typescript/bin/tsc`;
  const options = ["--project", `${PROJECT}tsconfig.json`, "--outDir", output, "--incremental", "false"];
  // tsBuildInfoFile of tsconfig.json has no place without incremental.
  const status = await runChild(process.execPath, [tsc, ...options, "--tsBuildInfoFile", "null"], PROJECT);
  if (status !== 0) throw new Error("Holdfast does not compile; see above.");
}

/**
 * Makes `@holdfast/client` resolve to the client as compiled here: the package
 * of that name in node_modules is a link to its sources.
 * @param {string} output
 */
function linkClient(output) {
  const directory = `${output}node_modules/@holdfast/client/`;
  mkdirSync(directory, { recursive: true });
  writeFileSync(`${directory}package.json`, '{ "type": "module", "exports": "./index.js" }\n');
  writeFileSync(`${directory}index.js`, 'export * from "../../../clients/typescript/src/index.js";\n');
}
