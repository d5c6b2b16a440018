import { createHash } from "node:crypto";
import { chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canUse } from "./can-use.js";
import type { Layout } from "./layout.js";
import type { ServerAccount } from "./server-account.js";
import { SOCKET_PORT } from "./settings.js";

/** macOS allows 103 bytes for the path of a Unix socket, Linux 107. */
const LONGEST_SOCKET_PATH_BYTES = 103;

/**
 * A directory for the socket, open to the account that runs Postgres and to
 * nobody else: beside the data, or, when that path is too long or out of the
 * account's reach, a short one in the system's temporary directory.
 */
export function provideSocketDirectory(layout: Layout, account: ServerAccount | undefined): string {
  const beside = join(layout.directory, "socket");
  if (isShortEnough(beside) && canUse(layout.directory, account)) {
    mkdirSync(beside, { recursive: true, mode: 0o700 });
    giveTo(account, beside);
    return beside;
  }
  const temporary = [tmpdir(), "/tmp"].find(
    (place) => isShortEnough(join(place, shortName(layout))) && canUse(place, account),
  );
  const named = join(temporary ?? "/tmp", shortName(layout));
  try {
    mkdirSync(named, { mode: 0o700 });
  } catch {
    const status = lstatSync(named, { throwIfNoEntry: false });
    const owner = account?.uid ?? process.geteuid?.();
    const isOurs = status?.isDirectory() && (status.uid === owner || status.uid === process.geteuid?.());
    if (!isOurs) {
      // Somebody else sits on the name. Tools find any name through postmaster.pid.
      const unnamed = mkdtempSync(`${named}-`);
      giveTo(account, unnamed);
      return unnamed;
    }
  }
  giveTo(account, named);
  return named;
}

/** Whether it was made outside the directory Holdfast owns, so that it goes when Postgres stops. */
export function isTemporarySocketDirectory(path: string, layout: Layout): boolean {
  return path !== join(layout.directory, "socket");
}

function shortName(layout: Layout): string {
  return `holdfast-${createHash("sha256").update(layout.directory).digest("hex").slice(0, 16)}`;
}

function isShortEnough(directory: string): boolean {
  return Buffer.byteLength(join(directory, `.s.PGSQL.${SOCKET_PORT}`)) <= LONGEST_SOCKET_PATH_BYTES;
}

function giveTo(account: ServerAccount | undefined, path: string): void {
  if (account) chownSync(path, account.uid, account.gid);
  chmodSync(path, 0o700);
}
