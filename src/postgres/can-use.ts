import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import type { ServerAccount } from "./server-account.js";

/**
 * Whether the account that runs Postgres may read and enter (or execute) a path.
 * The kernel is asked, so ACLs, noexec mounts and every parent directory count.
 */
export function canUse(path: string, account: ServerAccount | undefined): boolean {
  if (account === undefined) return accessible(path);
  const check = spawnSync("/bin/sh", ["-c", 'test -r "$1" && test -x "$1"', "sh", path], {
    uid: account.uid,
    gid: account.gid,
    cwd: "/",
    stdio: "ignore",
  });
  return check.status === 0;
}

function accessible(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
