import type { EntityDeclaration } from "../../entities/declaration.js";
import { DEFINER } from "./log-routines.js";
import { LIMIT_LOCK_WAITS, WAIT_UNTIL_DURABLE } from "./write-settings.js";

const saveImport = `
CREATE FUNCTION holdfast.save_import(
  p_tenant uuid, p_id uuid, p_status text, p_sources_hash bytea, p_start_position bigint, p_report json
) RETURNS void ${DEFINER} AS $$
BEGIN
  ${WAIT_UNTIL_DURABLE}
  ${LIMIT_LOCK_WAITS}
  INSERT INTO holdfast.imports (
    tenant_id, id, status, sources_hash, start_position, create_time, update_time, report
  )
  VALUES (p_tenant, p_id, p_status, p_sources_hash, p_start_position, clock_timestamp(), clock_timestamp(), p_report)
  ON CONFLICT (tenant_id, id) DO UPDATE
  SET status = excluded.status, update_time = excluded.update_time, report = excluded.report;
END $$`;

const addImportBatch = `
CREATE FUNCTION holdfast.add_import_batch(p_tenant uuid, p_import uuid, p_entities text[], p_ids uuid[])
RETURNS void ${DEFINER} AS $$
BEGIN
  ${WAIT_UNTIL_DURABLE}
  ${LIMIT_LOCK_WAITS}
  INSERT INTO holdfast.import_batches (tenant_id, import_id, number, entities, ids)
  SELECT p_tenant, p_import, coalesce(max(b.number), 0) + 1, p_entities, p_ids
  FROM holdfast.import_batches b WHERE b.tenant_id = p_tenant AND b.import_id = p_import;
END $$`;

/** What keeps the record of imports. */
export const importRoutines: readonly string[] = [saveImport, addImportBatch];

/** `withdraw_<table>` for appended rows: under the lock of the log, whose counts it changes. */
export function withdrawRoutine({ table, kind }: EntityDeclaration): string {
  return `
CREATE FUNCTION holdfast.withdraw_${table}(p_tenant uuid, p_ids uuid[]) RETURNS bigint ${DEFINER} AS $$
DECLARE
  v_deleted bigint[];
  v_count bigint;
BEGIN
  ${WAIT_UNTIL_DURABLE}
  ${LIMIT_LOCK_WAITS}
  SELECT l.deleted_counts INTO v_deleted FROM holdfast.tenant_logs l WHERE l.tenant_id = p_tenant FOR UPDATE;
  UPDATE holdfast.${table} t SET withdraw_time = clock_timestamp()
  WHERE t.tenant_id = p_tenant AND t.id = ANY (p_ids) AND t.withdraw_time IS NULL;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_deleted[${kind}] := coalesce(v_deleted[${kind}], 0) + v_count;
  UPDATE holdfast.tenant_logs l SET deleted_counts = v_deleted WHERE l.tenant_id = p_tenant;
  RETURN v_count;
END $$`;
}
