import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { AdminService } from "../../gen/holdfast/v1/admin_pb.js";
import type { Role } from "../core/principal.js";

/** What a method does, and so who may call it; to inspect is to read what concerns every tenant. */
export type Access = "read" | "write" | "inspect" | "administer";

const INSPECTING: ReadonlySet<DescMethod> = new Set([AdminService.method.getStorageInfo]);

/**
 * A method reads if its proto says `idempotency_level = NO_SIDE_EFFECTS`. One
 * that does not say so writes: to forget it shuts readers out and lets nobody in.
 */
export function accessOf(method: DescMethod): Access {
  if (INSPECTING.has(method)) return "inspect";
  if (method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return "read";
  return method.parent.typeName === AdminService.typeName ? "administer" : "write";
}

/** The roles of which a caller needs any. */
export function rolesFor(access: Access): readonly Role[] {
  switch (access) {
    case "read":
      return ["reader", "writer", "admin", "secret_reader"];
    case "write":
      return ["writer", "admin"];
    case "inspect":
    case "administer":
      return ["admin"];
  }
}
