import { create } from "@bufbuild/protobuf";
import { StatusSchema } from "../../../../gen/google/rpc/status_pb.js";
import type { Entry } from "../../../../gen/holdfast/v1/event_pb.js";
import { type AppendResult, AppendResultSchema } from "../../../../gen/holdfast/v1/log_pb.js";

/** A log in memory with Holdfast's rules for ids: it outlives the servers of a test. */
export class MemoryLog {
  /** Ids in order of position; the first has position 1. */
  readonly ids: string[] = [];
  readonly entries: Entry[] = [];
  readonly #positions = new Map<string, number>();

  positionOf(id: string): bigint | undefined {
    const position = this.#positions.get(id);
    return position === undefined ? undefined : BigInt(position);
  }

  /** Stores a batch. An observation of type "bad" is rejected as INVALID_ARGUMENT. */
  append(entries: readonly Entry[]): AppendResult {
    const result = create(AppendResultSchema);
    for (const [index, entry] of entries.entries()) {
      const id = idOf(entry);
      if (entry.entry.case === "observation" && entry.entry.value.type === "bad") {
        const status = create(StatusSchema, { code: 3, message: "bad by its type" });
        result.rejections.push({ $typeName: "holdfast.v1.Rejection", index, status });
        result.positions.push(0n);
        continue;
      }
      const known = this.#positions.get(id);
      if (known === undefined) {
        this.ids.push(id);
        this.entries.push(entry);
        this.#positions.set(id, this.ids.length);
      } else {
        result.duplicates.push(index);
      }
      result.positions.push(BigInt(known ?? this.ids.length));
    }
    return result;
  }
}

/** An entry's own id, or its request's. */
export function idOf({ entry }: Entry): string {
  if (entry.case === undefined) throw new Error("an empty entry");
  return "requestId" in entry.value ? entry.value.requestId : entry.value.id;
}
