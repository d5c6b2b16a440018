import initSqlJs, { type Database, type SqlValue } from "sql.js";
import { applyWal } from "./apply-wal.js";
import type { FieldRules } from "./field-rules.js";
import { jsonProblem } from "./json-text.js";
import type { SourceKind } from "./source-kind.js";
import { kindNamed, sourceKinds } from "./source-kinds.js";
import type { SourceRecord } from "./source-record.js";

/** A table of an older agent's database, and what is to become of its rows. */
export interface SourceTable {
  readonly name: string;
  readonly rows: number;
  /** undefined for a table Holdfast does not know; its rows are kept all the same. */
  readonly kind: SourceKind | undefined;
  /** Columns no field is known for; kept with the rest. */
  readonly unknownColumns: readonly string[];
}

/** Columns that have no field and are expected. */
const KEPT = new Set(["id", "metadata", "session_metadata", "parent_goal_id", "subgoals", "version"]);

/** An older agent's SQLite database, read as of when it was opened. */
export class SourceDatabase {
  readonly #file: string;
  readonly #db: Database;

  private constructor(file: string, db: Database) {
    this.#file = file;
    this.#db = db;
  }

  /**
   * @param wal its write-ahead log; empty for none
   * @throws Error for what is no readable database
   */
  static async open(file: string, bytes: Buffer, wal: Buffer): Promise<SourceDatabase> {
    const SQL = await initSqlJs();
    return new SourceDatabase(file, new SQL.Database(applyWal(bytes, wal)));
  }

  tables(): readonly SourceTable[] {
    const [found] = this.#db.exec(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid",
    );
    const tables = (found?.values ?? []).map(([name]) => this.#table(String(name)));
    const rank = ({ kind }: SourceTable) => (kind ? sourceKinds.indexOf(kind) : sourceKinds.length);
    return tables.sort((a, b) => rank(a) - rank(b));
  }

  /** The rows of a table, each as a JSON object of its columns. */
  *records(table: SourceTable): Generator<SourceRecord> {
    const columns = this.#columns(table.name);
    const select = columns.map(({ name }) => exactly(quoted(name))).join(", ");
    const rows = this.#db.prepare(`SELECT ${select} FROM ${quoted(table.name)}`);
    try {
      for (let row = 1; rows.step(); row += 1) {
        const values = rows.get();
        const members = columns.map(({ name, isJson }, i) => ({
          name,
          raw: valueText(values[2 * i], values[2 * i + 1], isJson),
        }));
        yield this.#record(table, row, members);
      }
    } finally {
      rows.free();
    }
  }

  close(): void {
    this.#db.close();
  }

  #table(name: string): SourceTable {
    const kind = sourceKinds.find((candidate) => candidate.table === name);
    const [counted] = this.#db.exec(`SELECT count(*) FROM ${quoted(name)}`);
    const isKnown = (column: string) =>
      kind && (Object.hasOwn(fieldsOf(kind), column) || kind.id.includes(column) || KEPT.has(column));
    return {
      name,
      kind,
      rows: Number(counted?.values[0]?.[0] ?? 0),
      unknownColumns: this.#columns(name)
        .map((column) => column.name)
        .filter((column) => !isKnown(column)),
    };
  }

  #columns(table: string): { readonly name: string; readonly isJson: boolean }[] {
    const [found] = this.#db.exec(`PRAGMA table_info(${quoted(table)})`);
    return (found?.values ?? []).map(([, name, type]) => ({
      name: String(name),
      isJson: /json/i.test(String(type)),
    }));
  }

  #record(
    { name, kind }: SourceTable,
    row: number,
    members: readonly { readonly name: string; readonly raw: string }[],
  ): SourceRecord {
    const text = `{${members.map((member) => `${JSON.stringify(member.name)}:${member.raw}`).join(",")}}`;
    const base = { file: this.#file, path: `${name} row ${row}`, text, addedLeaves: 0, placeId: "" };
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

function fieldsOf(kind: SourceKind): FieldRules {
  return { ...kind.fields, ...kind.tableFields };
}

// Numbers past 2^53 and text with NUL come whole only like this.
function exactly(column: string): string {
  return `typeof(${column}), CASE typeof(${column})
    WHEN 'integer' THEN CAST(${column} AS TEXT) WHEN 'text' THEN CAST(${column} AS BLOB) ELSE ${column} END`;
}

function valueText(type: SqlValue | undefined, value: SqlValue | undefined, isJson: boolean): string {
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
