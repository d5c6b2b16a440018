import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { PROJECT } from "./project.js";

/** What the compiler reads, as in tsconfig.json, and what says how it reads it. */
const SOURCES = [
  "src",
  "gen",
  "clients/typescript/src",
  "test",
  "bench",
  "chaos",
  "fuzz",
  "soak",
  "examples",
];
const SINGLE_FILES = [
  "vitest.config.ts",
  "tsconfig.json",
  "package-lock.json",
  "scripts/build.js",
  "scripts/bundle.js",
];

/** Changes when any source is added, removed or written to. Looks at names, sizes and times alone: milliseconds. */
export function sourceStamp() {
  const hash = createHash("sha256");
  for (const path of [...SOURCES.flatMap(typescriptBelow), ...SINGLE_FILES]) {
    const { size, mtimeMs } = statSync(PROJECT + path, { throwIfNoEntry: false }) ?? {};
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  }
  return hash.digest("hex");
}

/**
 * @param {string} directory
 * @returns {string[]}
 */
function typescriptBelow(directory) {
  let entries;
  try {
    entries = readdirSync(PROJECT + directory, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = `${directory}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : typescriptBelow(path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}
