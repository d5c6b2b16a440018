import { connectionUrl } from "./connection-url.js";
import { layoutOf } from "./layout.js";
import { findPostmaster } from "./postmaster-file.js";

/**
 * The URL of the embedded Postgres that another process runs in a directory,
 * or undefined when none is ready there. For tools beside a server: whoever
 * attaches owns nothing, and is cut off when the owner stops it.
 *
 * @throws EmbeddedPostgresError NOT_USABLE when the data belongs to another account.
 */
export function attachEmbeddedPostgres({ directory }: { readonly directory: string }): string | undefined {
  const running = findPostmaster(layoutOf(directory));
  return running?.status === "ready" ? connectionUrl(running.socketDirectory, running.port) : undefined;
}
