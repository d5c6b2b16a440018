/** How the value of one source field goes into a field of the entity; `to` is its local name. */
export type FieldRule =
  | { readonly as: "text" | "number" | "count" | "boolean" | "payload"; readonly to: string }
  /** A number of another scale: it is divided by this. */
  | { readonly as: "scaled"; readonly to: string; readonly by: number }
  /** Without `to` it is only looked at for its zone. */
  | { readonly as: "time"; readonly to?: string }
  | { readonly as: "status"; readonly to: string; readonly names: Readonly<Record<string, number>> }
  | { readonly as: "link"; readonly to: string; readonly kind: string }
  /** Members that are numbers, those that are whole numbers, members as text, items that are text. */
  | { readonly as: "numbers" | "counts" | "tags" | "texts"; readonly to: string };

export type FieldRules = Readonly<Record<string, FieldRule>>;

export const text = (to: string): FieldRule => ({ as: "text", to });
export const number = (to: string): FieldRule => ({ as: "number", to });
export const scaled = (to: string, by: number): FieldRule => ({ as: "scaled", to, by });
export const count = (to: string): FieldRule => ({ as: "count", to });
export const boolean = (to: string): FieldRule => ({ as: "boolean", to });
export const payload = (to: string): FieldRule => ({ as: "payload", to });
export const time = (to?: string): FieldRule => (to === undefined ? { as: "time" } : { as: "time", to });
export const link = (to: string, kind: string): FieldRule => ({ as: "link", to, kind });
export const numbers = (to: string): FieldRule => ({ as: "numbers", to });
export const counts = (to: string): FieldRule => ({ as: "counts", to });
export const tags = (to: string): FieldRule => ({ as: "tags", to });
export const texts = (to: string): FieldRule => ({ as: "texts", to });
export const status = (to: string, names: Readonly<Record<string, number>>): FieldRule => ({
  as: "status",
  to,
  names,
});
