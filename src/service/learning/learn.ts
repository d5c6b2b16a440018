import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { EntryPreparer } from "../prepare-entry.js";
import type { Attribution } from "../prepared-entry.js";
import type { Records } from "../records.js";

/** Where learned state is kept and how changes of it are made. */
export interface LearningContext {
  readonly records: Records;
  readonly preparer: EntryPreparer;
}

interface LearnRequest {
  readonly id: string;
  readonly requestId: string;
}

/**
 * Changes a thing by what it is when the change is made, and answers with it as
 * this change left it; a retry with the same request id gets the same answer.
 *
 * @throws NOT_FOUND, INVALID_FIELD, ID_CONFLICT
 */
export async function learn<Desc extends DescMessage, Thing>(
  { records, preparer }: LearningContext,
  tenantId: string,
  schema: Desc,
  request: MessageShape<Desc> & LearnRequest,
  by: Attribution,
  fields: (current: Thing) => Readonly<Partial<Thing>>,
): Promise<Thing> {
  const entry = preparer.patch({
    codec: records.codec,
    id: request.id,
    requestId: request.requestId,
    schema,
    request,
    fields: (current) => fields(current as unknown as Thing),
    path: "",
    idField: "id",
  });
  return (await records.write(tenantId, entry, by)) as unknown as Thing;
}
