import { HoldfastError } from "@holdfast/client";
import type { Client } from "./client.js";

/** Takes any refusal as an answer but one that is the server's own fault. */
export function expectRefusal(client: Client, thrown: unknown): void {
  const { code, message } = HoldfastError.from(thrown);
  if (code === "INTERNAL" || code === "UNKNOWN") client.saw("Live", `a refusal was ${code}: ${message}`);
}
