import { ErrorReason } from "../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../core/errors.js";

/** Somebody has to make room first. */
const RETRY_MS = 60_000;
const FULL = /^(ENOSPC|EDQUOT)$/;
/** The folder is of another account, on a disk that is read-only, or no folder. */
const UNUSABLE = /^(EACCES|EPERM|EROFS|ENOTDIR|EEXIST)$/;
/** The setting that names the folder of exports and imports. */
const SETTING = "HOLDFAST_IMPORTS";

/** What was thrown, as OVERLOADED if it is that a disk of this server is full. */
export function fromDisk(thrown: unknown): unknown {
  if (thrown instanceof HoldfastError || !(thrown instanceof Error)) return thrown;
  const codes = [thrown, thrown.cause].map(
    (error) => (error as NodeJS.ErrnoException | undefined)?.code ?? "",
  );
  if (!codes.some((code) => FULL.test(code))) return thrown;
  const message = "no space is left on the disk of this server where exports and imports lie";
  return new HoldfastError(ErrorReason.OVERLOADED, message, { retryAfterMs: RETRY_MS, cause: thrown });
}

/** FOLDER_UNUSABLE if what was thrown says that the folder of exports and imports cannot be written. */
export function unusableFolder(thrown: unknown, folder: string): HoldfastError | undefined {
  const code = (thrown as NodeJS.ErrnoException).code ?? "";
  if (!UNUSABLE.test(code)) return undefined;
  return new HoldfastError(
    ErrorReason.FOLDER_UNUSABLE,
    `expected a folder that this server can write, got ${folder} (${code}); set ${SETTING} to another one`,
    { metadata: { folder, setting: SETTING }, cause: thrown },
  );
}
