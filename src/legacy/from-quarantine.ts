import { createReadStream } from "node:fs";
import { appendFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, posix } from "node:path";
import { createInterface } from "node:readline";
import type { Discovery, Source } from "./discover.js";
import { ImportError } from "./import-error.js";
import { jsonProblem, membersOf } from "./json-text.js";
import type { SourceKind } from "./source-kind.js";
import { sourceKinds } from "./source-kinds.js";

/** What was mended, laid out as files of the older agent. */
export interface MendedFiles {
  readonly discovery: Discovery;
  close(): Promise<void>;
}

/**
 * Reads a quarantine file whose lines were mended and lays out their records
 * as files of their kinds, for an import like any other.
 *
 * @throws ImportError naming the line that is no record of a quarantine
 */
export async function quarantineDiscovery(path: string): Promise<MendedFiles> {
  const root = await mkdtemp(join(tmpdir(), "holdfast-mended-"));
  const files = new Map<string, Source>();
  let number = 0;
  for await (const line of createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    number += 1;
    if (line.trim() === "") continue;
    const { kind, file, record } = mendedLine(line, `${path} line ${number}`);
    const source = files.get(file) ?? (await newSource(root, file, kind));
    files.set(file, source);
    await appendFile(source.path, `${record}\n`, { mode: 0o600 });
  }
  const discovery = { root, sources: [...files.values()], unknown: [] };
  return { discovery, close: () => rm(root, { recursive: true, force: true }) };
}

async function newSource(root: string, file: string, kind: SourceKind): Promise<Source> {
  // A name from a file may point anywhere.
  const safe = posix
    .normalize(`/${file}`)
    .slice(1)
    .replace(/[:*?"<>|]/g, "_");
  const path = join(root, safe);
  await mkdir(join(path, ".."), { recursive: true });
  return { file: safe, path, kind: { ...kind, shape: "records" }, companions: [] };
}

function mendedLine(line: string, where: string) {
  const problem = jsonProblem(line) ?? (line.startsWith("{") ? undefined : "expected an object");
  if (problem !== undefined) throw new ImportError(`${where}: ${problem}`);
  const members = new Map(membersOf(line).map((member) => [member.name, member.raw]));
  const textOf = (name: string) => {
    const raw = members.get(name) ?? '""';
    return raw.startsWith('"') ? (JSON.parse(raw) as string) : "";
  };
  const file = textOf("file");
  const record = members.get("record") ?? textOf("text").replace(/[\r\n]+/g, " ");
  const table = /^(\S+) row \d+$/.exec(textOf("path"))?.[1];
  const kind = sourceKinds.find((candidate) =>
    table === undefined ? candidate.files.includes(basename(file)) : candidate.table === table,
  );
  if (!kind)
    throw new ImportError(`${where}: no file or table of the older agent is named ${JSON.stringify(file)}`);
  return { kind, file: table === undefined ? file : `${file}/${table}.jsonl`, record };
}
