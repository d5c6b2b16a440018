import type { DescMethod } from "@bufbuild/protobuf";
import { SecurityLevel } from "../../../gen/holdfast/v1/security_audit_pb.js";
import type { EntryPreparer } from "../../service/prepare-entry.js";
import type { Attribution } from "../../service/prepared-entry.js";
import type { CallContext } from "../call-context.js";
import { methodPath } from "../service.js";

/** A change made by the caller, which an audit stored with it tells of. */
export function audited(
  preparer: EntryPreparer,
  method: DescMethod,
  { principal: { actor } }: CallContext,
  done: { readonly target: string; readonly message: string },
): Attribution {
  const audit = preparer.audit({
    operation: methodPath(method),
    actor,
    target: done.target.toLowerCase().replaceAll("\0", ""),
    valid: true,
    level: SecurityLevel.MEDIUM,
    message: done.message,
  });
  return { actor, audit };
}
