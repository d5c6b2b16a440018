import { EventSchema } from "../../gen/holdfast/v1/event_pb.js";
import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import { CommandError } from "./command-error.js";

/** The kinds of entity an event can carry, as they are typed: "performance_metric". */
export const entityKindNames: readonly string[] = EventSchema.oneofs.flatMap((oneof) =>
  oneof.fields.map((field) => field.name),
);

/** @throws CommandError 2 for a name that is not among {@link entityKindNames} */
export function entityKindFrom(name: string): EntityKind {
  const kind = EntityKind[name.toUpperCase().replaceAll("-", "_") as keyof typeof EntityKind];
  if (kind) return kind;
  throw new CommandError(
    `--kind: expected one of ${entityKindNames.join(", ")}, got ${JSON.stringify(name)}`,
    2,
  );
}
