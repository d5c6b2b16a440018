import { readFileSync, statSync } from "node:fs";
import { EmbeddedPostgresError } from "./embedded-postgres-error.js";

/** The account Postgres runs under when Holdfast itself runs as root. */
export interface ServerAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Tried in this order; initdb refuses an account that has no passwd entry. */
const CANDIDATES = ["postgres", "nobody"];

/**
 * Postgres refuses to run as root, so as root another account must run it:
 * the owner of the data when there is some, so that it stays usable without
 * root. Undefined when not root: Postgres then runs as whoever we are.
 */
export function serverAccount(dataDirectory: string): ServerAccount | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const accounts = readAccounts();
  const owner = statSync(dataDirectory, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) {
    const name = accounts.find((account) => account.uid === owner.uid)?.name ?? `uid ${owner.uid}`;
    return { name, uid: owner.uid, gid: owner.gid };
  }
  for (const name of CANDIDATES) {
    const account = accounts.find((candidate) => candidate.name === name);
    if (account) return account;
  }
  throw new EmbeddedPostgresError(
    "NOT_USABLE",
    `Postgres does not run as root, and there is no account named ${CANDIDATES.join(" or ")} to run it as. ` +
      "Start Holdfast as a normal user, or set DATABASE_URL to use a Postgres of your own.",
  );
}

function readAccounts(): readonly ServerAccount[] {
  return readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"))
    .map(([name = "", , uid, gid]) => ({ name, uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 })); // macOS has nobody as -2
}
