import type { DescMethod } from "@bufbuild/protobuf";
import type { Metadata } from "@grpc/grpc-js";
import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";
import type { Principal } from "../core/principal.js";
import { accessOf, rolesFor } from "./access.js";
import { methodPath } from "./service.js";
import { TENANT_KEY, tenantIdFrom } from "./tenant-metadata.js";

/**
 * Whether this caller may make this call, whatever the authenticator. A caller that names a tenant other than its own
 * is refused rather than served as another than it believes.
 *
 * @throws PERMISSION_DENIED; INVALID_FIELD when the tenant it names is no UUID
 */
export function authorise(method: DescMethod, principal: Principal, metadata: Metadata): void {
  const named = tenantIdFrom(metadata);
  if (named !== undefined && named !== principal.tenantId) {
    throw denied(`the caller's credentials are not for the tenant named in ${TENANT_KEY}`);
  }
  const needed = rolesFor(accessOf(method));
  if (needed.some((role) => principal.roles.includes(role))) return;
  throw denied(`${methodPath(method)} needs the role ${needed.join(" or ")}`);
}

function denied(message: string): HoldfastError {
  return new HoldfastError(ErrorReason.PERMISSION_DENIED, message);
}
