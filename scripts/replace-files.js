import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Moves every file below one directory to the same place below another, each
 * at one stroke, and removes what the first does not have. Names that begin
 * with a dot are left alone in both.
 * @param {string} from ends with a slash
 * @param {string} to ends with a slash, on the same file system
 */
export function replaceFiles(from, to) {
  const files = new Set(filesBelow(from));
  for (const file of files) {
    mkdirSync(dirname(to + file), { recursive: true });
    renameSync(from + file, to + file);
  }
  for (const file of filesBelow(to)) if (!files.has(file)) rmSync(to + file);
}

/**
 * @param {string} directory
 * @param {string} prefix
 * @returns {string[]}
 */
function filesBelow(directory, prefix = "") {
  return readdirSync(directory + prefix, { withFileTypes: true })
    .filter((entry) => !entry.name.startsWith("."))
    .flatMap((entry) =>
      entry.isDirectory() ? filesBelow(directory, `${prefix}${entry.name}/`) : [prefix + entry.name],
    );
}
