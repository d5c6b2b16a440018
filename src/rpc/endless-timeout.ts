import type { IncomingHttpHeaders } from "node:http2";
import { LONGEST_TIMER_MS } from "../core/longest-timer.js";

const TIMEOUT = /^(\d{1,8})([HMSmun])$/;
const MS_BY_UNIT: Readonly<Record<string, number>> = {
  H: 60 * 60 * 1000,
  M: 60 * 1000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/**
 * Removes a `grpc-timeout` that no timer of Node can keep, 25 days and more. grpc-js computes it in 32 bits and would
 * end the call at once or at some other time. Without it the call has no deadline here; its client has one.
 */
export function removeEndlessTimeout(headers: IncomingHttpHeaders): void {
  const given = headers["grpc-timeout"];
  if (given === undefined) return;
  const [, value, unit = ""] = TIMEOUT.exec(String(given)) ?? [];
  if (Number(value) * (MS_BY_UNIT[unit] ?? 0) > LONGEST_TIMER_MS) delete headers["grpc-timeout"];
}
