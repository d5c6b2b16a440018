import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { EmbeddedPostgresError } from "./embedded-postgres-error.js";

/** One installed set of Postgres programs. */
export interface Binaries {
  /** Holds bin, lib and share. */
  readonly root: string;
  /** Of Postgres, for example "18.4". */
  readonly version: string;
  /** Names the build exactly, for example "18.4.0-beta.17-linux-x64". */
  readonly build: string;
}

/**
 * The Postgres that npm installed for this platform.
 *
 * @throws EmbeddedPostgresError NO_BINARIES when there is none.
 */
export function findBinaries(): Binaries {
  const platform = `${process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  try {
    // Its entry point is dist/index.js; package.json itself is not among its exports.
    const directory = dirname(dirname(createRequire(import.meta.url).resolve(name)));
    const { version } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as {
      version: string;
    };
    return {
      root: join(directory, "native"),
      version: version.split(".").slice(0, 2).join("."),
      build: `${version}-${platform}`,
    };
  } catch (error) {
    throw new EmbeddedPostgresError(
      "NO_BINARIES",
      `There is no embedded Postgres for this platform (${name} is not installed). ` +
        "Install without --omit=optional, or set DATABASE_URL to use a Postgres of your own.",
      error,
    );
  }
}

export function programPath(binaries: Binaries, program: "initdb" | "postgres"): string {
  return join(binaries.root, "bin", program);
}

/** The major version alone, as it stands in PG_VERSION. */
export function majorVersion(binaries: Binaries): string {
  return binaries.version.split(".")[0] ?? "";
}
