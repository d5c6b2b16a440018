import { lstatSync, readFileSync, symlinkSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { systemErrorCode } from "./system-error.js";

interface Link {
  readonly source: string;
  readonly target: string;
}

/**
 * Makes the links between libraries that npm packages cannot carry and that the
 * package's postinstall would make, had it been allowed to run.
 *
 * @param root holds bin, lib and share
 * @returns false when links are missing and cannot be made here
 */
export function linkLibraries(root: string): boolean {
  const links = JSON.parse(readFileSync(join(root, "pg-symlinks.json"), "utf8")) as readonly Link[];
  for (const link of links) {
    // Paths in the list begin with the name the root has inside its package.
    const source = join(root, relative("native", link.source));
    const target = join(root, relative("native", link.target));
    if (lstatSync(target, { throwIfNoEntry: false })) continue;
    try {
      const sameDirectory = dirname(source) === dirname(target);
      symlinkSync(sameDirectory ? basename(source) : relative(dirname(target), source), target);
    } catch (error) {
      if (systemErrorCode(error) !== "EEXIST") return false; // EEXIST: another process was faster
    }
  }
  return true;
}
