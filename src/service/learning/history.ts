import type { Payload } from "../../../gen/holdfast/v1/payload_pb.js";
import { rawItems } from "../../core/raw-json.js";
import { jsonFromPayload, jsonPayload } from "./json-payload.js";

/**
 * Items a history keeps. It is written again with every outcome, into the row
 * and into its revision: at some 150 bytes an item this stays under 8 kB. The
 * whole past is in the revisions.
 */
export const MAX_HISTORY_ITEMS = 50;

/**
 * The history with one more item at its end and, past the limit, without its
 * first ones. Items that are already there keep the text they were written in;
 * what is no JSON list is a caller's own and stays as it is.
 */
export function withHistory(history: Payload | undefined, item: object): Payload {
  const given = history && jsonFromPayload(history);
  if (history && !Array.isArray(given?.value)) return history;
  const items = [...(given ? rawItems(given.text) : []), JSON.stringify(item)];
  return jsonPayload(`[${items.slice(-MAX_HISTORY_ITEMS).join(",")}]`);
}
