import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Compiles a source file and what it imports into an existing directory, for
 * tests that need it in a process of its own. Packages it imports are for the
 * test to provide.
 *
 * @param source relative to the project, for example "src/bin.ts"
 * @returns the path of the compiled file
 */
export async function compileTo(directory: string, source: string): Promise<string> {
  const tsc = join(PROJECT, "node_modules/typescript/bin/tsc");
  const options = ["--ignoreConfig", "--noCheck", "--rootDir", PROJECT, "--outDir", directory];
  const target = ["--target", "es2023", "--module", "nodenext", "--skipLibCheck", "--types", "node"];
  await promisify(execFile)(process.execPath, [tsc, ...options, ...target, source], { cwd: PROJECT });
  await writeFile(join(directory, "package.json"), '{ "type": "module" }\n');
  return join(directory, source.replace(/\.ts$/, ".js"));
}
