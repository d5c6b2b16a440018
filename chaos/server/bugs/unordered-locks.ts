import type { Bug } from "./bug.js";

/**
 * Rows are locked one by one in the order in which the flush happens to name them; with a pause between, as when they
 * have to come from a disk, so that two flushes meet within seconds and not within days.
 */
export const unorderedLocks: Bug = {
  name: "unordered-locks",
  breaks: "Live",
  faults: ["client-reset"],
  roles: ["record-outcomes"],
  schema: [
    `
CREATE OR REPLACE FUNCTION holdfast.lock_action_selectors(p_tenant uuid, p_ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
BEGIN
  FOR i IN 1 .. cardinality(p_ids) LOOP
    PERFORM 1 FROM holdfast.action_selectors t WHERE t.tenant_id = p_tenant AND t.id = p_ids[i] FOR NO KEY UPDATE;
    PERFORM pg_sleep(0.1);
  END LOOP;
END $$`,
  ],
};
