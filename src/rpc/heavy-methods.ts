import type { DescMethod } from "@bufbuild/protobuf";
import { CrossSessionPatternService } from "../../gen/holdfast/v1/cross_session_pattern_pb.js";
import { accessOf } from "./access.js";

/** Heavy though they write, or answer with few things: they read many. */
const HEAVY: ReadonlySet<DescMethod> = new Set([CrossSessionPatternService.method.minePatterns]);

/**
 * Whether a call of this method may cost some hundred times what an append costs: it reads and answers with any number
 * of messages, as lists, searches, statistics and states do. How many it will be is not known by its headers.
 */
export function isHeavy(method: DescMethod): boolean {
  if (method.methodKind !== "unary") return false;
  if (HEAVY.has(method)) return true;
  const reads = ["read", "inspect"].includes(accessOf(method));
  return (
    reads && method.output.fields.some((field) => field.fieldKind === "list" && field.listKind === "message")
  );
}
