import { rename, stat } from "node:fs/promises";
import { type CopiedSource, sha256Of } from "./backup.js";

/** What an original is renamed to. */
export const ARCHIVED = ".backup";

/**
 * Renames originals that are still what was imported; one that the older agent
 * changed meanwhile stays where it is, and so does one whose other name is taken.
 *
 * @returns those renamed, from the folder.
 */
export async function archiveOriginals(sources: readonly CopiedSource[]): Promise<readonly string[]> {
  const archived: string[] = [];
  for (const { source, sha256 } of sources) {
    const paths = [source.path, ...source.companions];
    const isTaken = await exists(`${source.path}${ARCHIVED}`);
    if (isTaken || (await sha256Of(source.path).catch(() => "")) !== sha256) continue;
    for (const path of paths) {
      if (await exists(path)) {
        await rename(path, `${path}${ARCHIVED}`);
        archived.push(source.file + path.slice(source.path.length));
      }
    }
  }
  return archived;
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
