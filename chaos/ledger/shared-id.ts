import { createHash } from "node:crypto";

/** The id, a UUID, of something that several clients of a run share, by its name. */
export function sharedId(tenant: string, name: string): string {
  const hex = createHash("sha256").update(`${tenant} ${name}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The names of the action selectors that the outcomes of a tenant go to. */
export const SELECTORS: readonly string[] = Array.from({ length: 6 }, (_, i) => `selector ${i}`);
/** The goal whose description counts the changes made to it. */
export const COUNTER = "counter";
