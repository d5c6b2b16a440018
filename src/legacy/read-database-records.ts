import { closeSync, openSync, readSync } from "node:fs";
import { createRequire } from "node:module";
import type { Database, SQLiteValue } from "node-sqlite3-wasm";
import type { FieldRules } from "./field-rules.js";
import { jsonProblem } from "./json-text.js";
import type { SourceKind } from "./source-kind.js";
import { kindNamed, sourceKinds } from "./source-kinds.js";
import { type BadRecord, MAX_VALUE_BYTES, type SourceRecord } from "./source-record.js";

const require = createRequire(import.meta.url);

/** SQLite, loaded by whoever reads the first database; the names it exports are not seen by an `import`. */
function loadSqlite(): typeof import("node-sqlite3-wasm") {
  return require("node-sqlite3-wasm");
}

/** A table of an older agent's database, and what is to become of its rows. */
export interface SourceTable {
  readonly name: string;
  /** undefined for a table Holdfast does not know; its rows are kept all the same. */
  readonly kind: SourceKind | undefined;
  /** Columns no field is known for; kept with the rest. */
  readonly unknownColumns: readonly string[];
}

/** Columns that have no field and are expected. */
const KEPT = new Set(["id", "metadata", "session_metadata", "parent_goal_id", "subgoals", "version"]);

/** An older agent's SQLite database, with what its write-ahead log says beyond it. */
export class SourceDatabase {
  readonly #file: string;
  readonly #db: Database;

  /**
   * @param path of a file nobody else has open, its log beside it: SQLite goes on from there as after a crash
   * @param file as reports name it
   * @throws Error for what is no readable database
   */
  constructor(path: string, file: string) {
    if (textEncoding(path) > UTF8) throw new Error("expected text in UTF-8, got UTF-16");
    const { Database } = loadSqlite();
    this.#file = file;
    this.#db = new Database(path, { fileMustExist: true });
    try {
      // Alone with the file, SQLite needs no memory shared with others to read a write-ahead log.
      this.#db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF; PRAGMA trusted_schema = OFF");
      this.#db.get("SELECT count(*) FROM sqlite_master");
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  tables(): readonly SourceTable[] {
    const found = this.#db.all(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid",
    );
    const tables = found.map(({ name }) => this.#table(String(name)));
    const rank = ({ kind }: SourceTable) => (kind ? sourceKinds.indexOf(kind) : sourceKinds.length);
    return tables.sort((a, b) => rank(a) - rank(b));
  }

  /** The rows of a table, each as a JSON object of its columns. */
  *records(table: SourceTable): Generator<SourceRecord | BadRecord> {
    const columns = this.#columns(table.name);
    const select = columns.map(({ name }, i) => exactly(quoted(name), i)).join(", ");
    const rows = this.#db.prepare(`SELECT ${select} FROM ${quoted(table.name)}`);
    try {
      let row = 0;
      for (const values of rows.iterate()) {
        row += 1;
        yield this.#record(table, row, columns, values as Row);
      }
    } finally {
      rows.finalize();
    }
  }

  close(): void {
    this.#db.close();
  }

  #table(name: string): SourceTable {
    const kind = sourceKinds.find((candidate) => candidate.table === name);
    const isKnown = (column: string) =>
      kind && (Object.hasOwn(fieldsOf(kind), column) || kind.id.includes(column) || KEPT.has(column));
    return {
      name,
      kind,
      unknownColumns: this.#columns(name)
        .map((column) => column.name)
        .filter((column) => !isKnown(column)),
    };
  }

  #columns(table: string): readonly Column[] {
    return this.#db.all(`PRAGMA table_info(${quoted(table)})`).map(({ name, type }) => ({
      name: String(name),
      isJson: /json/i.test(String(type)),
    }));
  }

  #record(
    { name, kind }: SourceTable,
    row: number,
    columns: readonly Column[],
    values: Row,
  ): SourceRecord | BadRecord {
    const place = { file: this.#file, path: `${name} row ${row}` };
    const large = columns.findIndex((_, i) => values[`type${i}`] === TOO_LARGE);
    if (large >= 0) {
      const reason = `expected at most ${MAX_VALUE_BYTES} bytes in ${columns[large]?.name}, got ${values[`value${large}`]}`;
      return { ...place, reason, raw: Buffer.alloc(0), endsFile: false };
    }
    const members = columns.map((column, i) => ({
      name: column.name,
      raw: valueText(values[`type${i}`], values[`value${i}`], column.isJson),
    }));
    const text = `{${members.map((member) => `${JSON.stringify(member.name)}:${member.raw}`).join(",")}}`;
    const base = { ...place, text, addedLeaves: 0, placeId: "" };
    if (kind) return { ...base, kind, fields: fieldsOf(kind) };
    // A table of somebody's own: each row is a setting, under the name of its table and its id.
    const own = members.find((member) => member.name === "id")?.raw.replace(/^"|"$/g, "") ?? String(row);
    const key = JSON.stringify(`table.${name}.${own}`);
    const configuration = kindNamed("configuration");
    return {
      ...base,
      kind: configuration,
      fields: configuration.fields,
      text: `{"config_key":${key},"config_value":${text},"config_type":${JSON.stringify(`table ${name}`)}}`,
      addedLeaves: 2,
    };
  }
}

interface Column {
  readonly name: string;
  readonly isJson: boolean;
}

/** Of each column its type and its value, as `exactly` selects them. */
type Row = Readonly<Record<string, SQLiteValue>>;

function fieldsOf(kind: SourceKind): FieldRules {
  return { ...kind.fields, ...kind.tableFields };
}

/** The least of its kind; 0 is a database nothing was written to. https://www.sqlite.org/fileformat2.html#enc */
const UTF8 = 1;

// SQLite is built for UTF-8 here, and of another encoding it says that the schema is malformed.
function textEncoding(path: string): number {
  const file = openSync(path, "r");
  try {
    const header = Buffer.alloc(100);
    readSync(file, header, 0, header.length, 0);
    return header.readUInt32BE(56);
  } finally {
    closeSync(file);
  }
}

const TOO_LARGE = "too large";

// Numbers past 2^53 and text with NUL come whole only like this; what is too large is measured and never loaded.
function exactly(column: string, i: number): string {
  const isLarge = `octet_length(${column}) > ${MAX_VALUE_BYTES}`;
  return `CASE WHEN ${isLarge} THEN '${TOO_LARGE}' ELSE typeof(${column}) END AS type${i},
    CASE WHEN ${isLarge} THEN octet_length(${column}) WHEN typeof(${column}) = 'integer' THEN CAST(${column} AS TEXT)
      WHEN typeof(${column}) = 'text' THEN CAST(${column} AS BLOB) ELSE ${column} END AS value${i}`;
}

function valueText(type: SQLiteValue | undefined, value: SQLiteValue | undefined, isJson: boolean): string {
  switch (type) {
    case "null":
      return "null";
    case "integer":
      return String(value);
    case "real":
      return realText(value as number);
    case "blob":
      return JSON.stringify({ $base64: Buffer.from(value as Uint8Array).toString("base64") });
    default: {
      const text = Buffer.from(value as Uint8Array).toString("utf8");
      return isJson && jsonProblem(text) === undefined ? text.trim() : JSON.stringify(text);
    }
  }
}

function realText(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Number.isInteger(value) && !/e/.test(String(value)) ? `${value}.0` : String(value);
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
