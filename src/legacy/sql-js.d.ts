// What is used of sql.js; the published types need those of a browser.
declare module "sql.js" {
  export type SqlValue = number | string | Uint8Array | null;

  export interface Statement {
    step(): boolean;
    get(): SqlValue[];
    free(): boolean;
  }

  export interface Database {
    exec(sql: string): { readonly columns: string[]; readonly values: SqlValue[][] }[];
    prepare(sql: string): Statement;
    close(): void;
  }

  export default function initSqlJs(): Promise<{ readonly Database: new (data: Uint8Array) => Database }>;
}
