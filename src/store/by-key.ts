/**
 * A lateral item of a FROM list: the row of the tenant that has this id.
 *
 * Each row is found by its key, whatever the planner believes: OFFSET keeps it
 * from making one join of all. By statistics that know nothing of a young table
 * it would read all of a tenant's rows, for each change anew.
 *
 * @param id an expression over what stands before in the list.
 */
export function byKey(table: string, alias: string, id: string, tenant = "$1::uuid"): string {
  return `LATERAL (SELECT * FROM holdfast.${table} WHERE tenant_id = ${tenant} AND id = ${id} OFFSET 0) AS ${alias}`;
}
