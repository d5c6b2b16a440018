/** Why an archive cannot be written, read or taken in. */
export type ArchiveReason =
  /** What it holds is not what was written: a hash, a length or a line is wrong. */
  | "damaged"
  /** It ends before its end. */
  | "truncated"
  /** It is no archive of the kind asked for. */
  | "foreign"
  /** Made by a newer version, or for a schema the target is past. */
  | "version"
  /** Encrypted, and no identity was given or none fits. */
  | "identity"
  /** A recipient or identity that cannot be used. */
  | "key"
  /** What it is to be written into holds something already. */
  | "occupied"
  /** It would hold secrets, and whoever asked may not read them. */
  | "secret"
  /** There is nothing of that name to archive. */
  | "nothing"
  /** The file system refuses. */
  | "file";

/** What cannot be done with an archive, in words for whoever asked for it. */
export class ArchiveError extends Error {
  override readonly name = "ArchiveError";
  readonly reason: ArchiveReason;

  constructor(reason: ArchiveReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

const FILE_CODES = /^E(NOENT|NOTDIR|ISDIR|EXIST|ACCES|PERM|ROFS|NOSPC|DQUOT|FBIG|IO|NAMETOOLONG)$/;

/** What was thrown, as an ArchiveError if the file system threw it: a database's lost connection looks much like it. */
export function fromFileSystem(thrown: unknown): unknown {
  const code = thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
  return FILE_CODES.test(code ?? "") ? new ArchiveError("file", (thrown as Error).message, thrown) : thrown;
}
