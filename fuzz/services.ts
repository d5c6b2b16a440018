import type { DescMethod } from "@bufbuild/protobuf";
import { AdminService } from "../gen/holdfast/v1/admin_pb.js";
import { EventService } from "../gen/holdfast/v1/event_pb.js";
import { entities } from "../src/entities/registry.js";

/** Every RPC of Holdfast. */
export const methods: readonly DescMethod[] = [
  ...entities.map((entity) => entity.service),
  EventService,
  AdminService,
].flatMap((service) => service.methods);
