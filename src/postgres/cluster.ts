import { type Binaries, findBinaries } from "./binaries.js";
import { canUse } from "./can-use.js";
import { directoryError } from "./directory-error.js";
import { EmbeddedPostgresError } from "./embedded-postgres-error.js";
import type { Layout } from "./layout.js";
import { makeDirectory } from "./make-directory.js";
import { type ServerAccount, serverAccount } from "./server-account.js";
import { usableBinaries } from "./usable-binaries.js";

/** Everything that is settled before a Postgres program runs: which, on what, as whom. */
export interface Cluster {
  readonly layout: Layout;
  readonly binaries: Binaries;
  /** Undefined: as ourselves. */
  readonly account: ServerAccount | undefined;
  /** Whether the account can get to the directory by its path; see {@link dataArgument}. */
  readonly isReachable: boolean;
}

/** @throws EmbeddedPostgresError */
export function prepareCluster(layout: Layout): Cluster {
  try {
    makeDirectory(layout.directory);
  } catch (error) {
    throw directoryError(layout, error);
  }
  const account = serverAccount(layout.data);
  const binaries = usableBinaries(findBinaries(), layout, account);
  return Object.freeze({ layout, binaries, account, isReachable: canUse(layout.directory, account) });
}

/**
 * What to give Postgres as `-D` when it is started with `path` as its working
 * directory. Its account may lack the right to walk there (a project under
 * /root); the working directory was entered by us, and Linux lets every
 * process name its own.
 */
export function dataArgument(cluster: Cluster, path: string): string {
  if (cluster.isReachable) return path;
  if (process.platform === "linux") return "/proc/self/cwd";
  throw new EmbeddedPostgresError(
    "NOT_USABLE",
    `The account ${cluster.account?.name} that runs Postgres cannot get to ${path}. ` +
      "Start Holdfast as a normal user, or give it a data directory that everybody may enter.",
  );
}

/** How to start a Postgres program: nothing of our environment, which may hold PG* variables and any locale. */
export function programOptions(cluster: Cluster, workingDirectory: string) {
  return {
    cwd: workingDirectory,
    env: { LC_ALL: "C", LANG: "C", PATH: "/usr/local/bin:/usr/bin:/bin" },
    ...(cluster.account && { uid: cluster.account.uid, gid: cluster.account.gid }),
  };
}
