import { open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import type { SourceKind } from "./source-kind.js";
import { sourceKinds } from "./source-kinds.js";

/** A file of the older agent that Holdfast knows how to read. */
export interface Source {
  /** From the folder, with slashes. */
  readonly file: string;
  readonly path: string;
  /** Of a JSON file; a database holds many. */
  readonly kind: SourceKind | undefined;
  /** Files beside a database that belong to it. */
  readonly companions: readonly string[];
}

/** What lies under a folder. */
export interface Discovery {
  readonly root: string;
  readonly sources: readonly Source[];
  /** Files that are none of the older agent's, from the folder. */
  readonly unknown: readonly string[];
}

/** Names this many unknown files at most: the folder may be somebody's home. */
const MAX_UNKNOWN = 1000;
const SKIPPED = new Set(["node_modules", ".git", ".holdfast", "__pycache__", ".venv", "venv"]);
const MAGIC = Buffer.from("SQLite format 3\0");

/** Finds every file and database of the older agent at a path, in the order they are imported. */
export async function discover(path: string): Promise<Discovery> {
  const isFolder = (await stat(path)).isDirectory();
  const root = isFolder ? path : dirname(path);
  const sources: Source[] = [];
  const unknown: string[] = [];
  const visit = async (file: string) => {
    const source = await sourceAt(root, file);
    if (source) sources.push(source);
    else if (unknown.length < MAX_UNKNOWN && !isCompanion(file)) unknown.push(named(root, file));
  };
  if (!isFolder) await visit(path);
  const folders = isFolder ? [path] : [];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of (await readdir(folder, { withFileTypes: true })).sort(byName)) {
      const found = join(folder, entry.name);
      if (entry.isDirectory() && !SKIPPED.has(entry.name) && !(await isBackup(found))) folders.push(found);
      else if (entry.isFile()) await visit(found);
    }
  }
  return { root, sources: sources.sort(byOrder), unknown };
}

/** Backups of earlier imports lie in folders that have this file. */
export const MANIFEST = "holdfast-import.json";

async function isBackup(folder: string): Promise<boolean> {
  return stat(join(folder, MANIFEST)).then(
    () => true,
    () => false,
  );
}

async function sourceAt(root: string, path: string): Promise<Source | undefined> {
  const name = basename(path);
  const file = named(root, path);
  const kind = sourceKinds.find((candidate) => candidate.files.includes(name));
  if (kind) return { file, path, kind, companions: [] };
  if (!(await isDatabase(path))) return undefined;
  const companions = [];
  for (const suffix of ["-wal", "-shm"]) {
    if (await stat(path + suffix).catch(() => undefined)) companions.push(path + suffix);
  }
  return { file, path, kind: undefined, companions };
}

async function isDatabase(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined);
  if (!file) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
    return bytesRead === MAGIC.length && buffer.equals(MAGIC) && !/\.backup$/.test(path);
  } finally {
    await file.close();
  }
}

function isCompanion(path: string): boolean {
  return /-(wal|shm|journal)$/.test(path);
}

function named(root: string, path: string): string {
  return relative(root, path).replaceAll("\\", "/");
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

// What others need first; databases came after the files and so say what is current.
function byOrder(a: Source, b: Source): number {
  const rank = ({ kind }: Source) => (kind ? sourceKinds.indexOf(kind) : sourceKinds.length);
  return rank(a) - rank(b) || (a.file < b.file ? -1 : 1);
}
