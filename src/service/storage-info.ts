import { statfs } from "node:fs/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Duration, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { DatabaseShape, type GetStorageInfoResponseSchema } from "../../gen/holdfast/v1/admin_pb.js";
import type { Database } from "../store/database.js";
import { readStorage } from "../store/read-storage.js";

export interface StorageContext {
  readonly database: Database;
  /** Of the embedded database; undefined for one that is somewhere else. */
  readonly dataDirectory: string | undefined;
}

/** What everything is stored in, as far as it can be known from here. */
export async function storageInfo({
  database,
  dataDirectory,
}: StorageContext): Promise<MessageInitShape<typeof GetStorageInfoResponseSchema>> {
  const [storage, disk] = await Promise.all([readStorage(database), diskSpace(dataDirectory)]);
  const { isReplica, replayLagBytes, replayLagSeconds } = storage;
  return {
    databaseVersion: storage.version,
    shape: dataDirectory === undefined ? DatabaseShape.EXTERNAL : DatabaseShape.EMBEDDED,
    totalBytes: storage.totalBytes,
    ...disk,
    migrations: storage.migrations.map(({ name, appliedAt }) => ({
      name,
      applyTime: timestampFromDate(appliedAt),
    })),
    replication: {
      isReplica,
      ...lag(replayLagBytes, replayLagSeconds),
      replicas: storage.replicas.map(({ name, state, syncState, ...behind }) => ({
        name,
        state,
        syncState,
        ...lag(behind.replayLagBytes, behind.replayLagSeconds),
      })),
    },
    extensions: storage.extensions.map(([name, version]) => ({ name, version })),
  };
}

async function diskSpace(directory: string | undefined) {
  if (directory === undefined) return {};
  const { bavail, blocks, bsize } = await statfs(directory, { bigint: true });
  return { diskFreeBytes: bavail * bsize, diskTotalBytes: blocks * bsize };
}

function lag(bytes: bigint | undefined, seconds: number | undefined) {
  return {
    ...(bytes !== undefined && { replayLagBytes: bytes }),
    ...(seconds !== undefined && { replayLag: duration(seconds) }),
  };
}

function duration(seconds: number): Pick<Duration, "seconds" | "nanos"> {
  const whole = Math.floor(Math.max(0, seconds));
  return { seconds: BigInt(whole), nanos: Math.floor((Math.max(0, seconds) - whole) * 1e9) };
}
