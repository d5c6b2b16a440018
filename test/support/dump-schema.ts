import type { Client } from "pg";
import { withConnection } from "./query.js";

/**
 * What the migrations make of a database, as SQL to read and to compare: one
 * line a thing, everything in an order that does not depend on how it came
 * about. Roles by name, since their oids differ; the owner as `OWNER`.
 */
export async function dumpSchema(databaseUrl: string): Promise<string> {
  return withConnection(databaseUrl, async (client) => {
    // Names come out qualified, types and defaults as Postgres itself spells them.
    await client.query("SET search_path = pg_catalog");
    const parts = [
      "-- Made by `npm run schema` from the migrations and routines. Do not edit.",
      ...(await lines(client, ROLES)),
      ...(await lines(client, MEMBERS)),
      ...(await lines(client, SCHEMA)),
      ...(await tables(client)),
      ...(await lines(client, FUNCTIONS)),
    ];
    return `${parts.join("\n\n")}\n`;
  });
}

async function tables(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ oid: number; name: string; options: string }>(TABLES);
  const dumped: string[] = [];
  for (const { oid, name, options } of rows) {
    const columns = await lines(client, COLUMNS, oid);
    const after = await lines(client, TABLE_PARTS, oid);
    dumped.push([`CREATE TABLE ${name} (\n${columns.join(",\n")}\n)${options};`, ...after].join("\n"));
  }
  return dumped;
}

async function lines(client: Client, text: string, ...values: readonly unknown[]): Promise<string[]> {
  const { rows } = await client.query<{ line: string }>(text, [...values]);
  return rows.map((row) => row.line);
}

const ROLES = `
SELECT format('CREATE ROLE %I %s%s%s;', rolname,
  CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END,
  CASE WHEN rolsuper THEN ' SUPERUSER' ELSE '' END,
  CASE WHEN rolbypassrls THEN ' BYPASSRLS' ELSE '' END) AS line
FROM pg_roles WHERE rolname ~ '^holdfast_' ORDER BY rolname`;

const MEMBERS = `
SELECT format('GRANT %I TO %I;', r.rolname, m.rolname) AS line
FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
WHERE m.rolname ~ '^holdfast_' ORDER BY 1`;

/**
 * An access list, one GRANT a grantee, in order of their names; the owner's own
 * rights go without saying. All three are SQL expressions.
 */
const grants = (acl: string, owner: string, target: string) => `
  (SELECT string_agg(format('GRANT %s ON %s TO %s;', privileges, ${target}, grantee), E'\\n' ORDER BY grantee)
   FROM (
     SELECT coalesce(r.rolname, 'PUBLIC') AS grantee,
       string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type) AS privileges
     FROM aclexplode(${acl}) a LEFT JOIN pg_roles r ON r.oid = a.grantee
     WHERE a.grantee <> ${owner} GROUP BY 1
   ) g)`;

const SCHEMA = `
SELECT concat_ws(E'\\n', format('CREATE SCHEMA %I;', nspname), ${grants("nspacl", "nspowner", "'SCHEMA holdfast'")}) AS line
FROM pg_namespace WHERE nspname = 'holdfast'`;

const TABLES = `
SELECT c.oid, c.oid::regclass::text AS name,
  coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '') AS options
FROM pg_class c WHERE c.relnamespace = 'holdfast'::regnamespace AND c.relkind IN ('r', 'p')
ORDER BY c.relname`;

const COLUMNS = `
SELECT concat('  ', quote_ident(a.attname), ' ', format_type(a.atttypid, a.atttypmod),
  CASE WHEN a.attnotnull THEN ' NOT NULL' END, ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid),
  CASE a.attgenerated WHEN 's' THEN ' STORED' END) AS line
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;

// Not-null constraints are rows of their own from Postgres 18 on; the columns say it already.
const TABLE_PARTS = `
SELECT line FROM (
  SELECT 1 AS part, conname AS name,
    format('ALTER TABLE %s ADD CONSTRAINT %I %s;', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS line
  FROM pg_constraint WHERE conrelid = $1 AND contype <> 'n'
  UNION ALL
  SELECT 2, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) || ';'
  FROM pg_index i WHERE i.indrelid = $1
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
  UNION ALL
  SELECT 3, '', concat(CASE WHEN c.relrowsecurity THEN format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY;', c.oid::regclass) END,
    CASE WHEN c.relforcerowsecurity THEN format(E'\\nALTER TABLE %s FORCE ROW LEVEL SECURITY;', c.oid::regclass) END)
  FROM pg_class c WHERE c.oid = $1 AND (c.relrowsecurity OR c.relforcerowsecurity)
  UNION ALL
  SELECT 4, p.polname, format('CREATE POLICY %I ON %s FOR %s TO %s%s%s;', p.polname, p.polrelid::regclass,
    CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
    (SELECT string_agg(coalesce(r.rolname, 'PUBLIC'), ', ' ORDER BY r.rolname)
     FROM unnest(p.polroles) o(oid) LEFT JOIN pg_roles r ON r.oid = o.oid),
    ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
  FROM pg_policy p WHERE p.polrelid = $1
  UNION ALL
  SELECT 5, t.tgname, pg_get_triggerdef(t.oid) || ';' FROM pg_trigger t WHERE t.tgrelid = $1 AND NOT t.tgisinternal
  UNION ALL
  SELECT 6, '', ${grants("c.relacl", "c.relowner", "c.oid::regclass")}
  FROM pg_class c WHERE c.oid = $1
) parts WHERE line IS NOT NULL ORDER BY part, name COLLATE "C"`;

const FUNCTIONS = `
SELECT concat_ws(E'\\n', rtrim(pg_get_functiondef(p.oid), E'\\n') || ';',
  format('ALTER FUNCTION %s OWNER TO %s;', p.oid::regprocedure, CASE WHEN o.rolname ~ '^holdfast_' THEN quote_ident(o.rolname) ELSE 'OWNER' END),
  ${grants("p.proacl", "p.proowner", "'FUNCTION ' || p.oid::regprocedure")}) AS line
FROM pg_proc p JOIN pg_roles o ON o.oid = p.proowner
WHERE p.pronamespace = 'holdfast'::regnamespace ORDER BY p.oid::regprocedure::text COLLATE "C"`;
