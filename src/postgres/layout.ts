import { join, resolve } from "node:path";

/** Where things lie inside the directory that one embedded Postgres owns. */
export interface Layout {
  /** Absolute. */
  readonly directory: string;
  /** What Postgres calls PGDATA; it exists only once initdb has finished. */
  readonly data: string;
  /** Held by the process that supervises this Postgres. */
  readonly lock: string;
  /** What the last postmaster said before its own log file was open. */
  readonly startupLog: string;
  /** Postgres' own log, one file per weekday. */
  readonly logs: string;
  readonly postmasterFile: string;
  /** How the running postmaster was started, written by itself. */
  readonly postmasterOptions: string;
}

export function layoutOf(directory: string): Layout {
  const root = resolve(directory);
  const data = join(root, "data");
  return Object.freeze({
    directory: root,
    data,
    lock: join(root, "owner.lock"),
    startupLog: join(data, "startup.log"),
    logs: join(data, "log"),
    postmasterFile: join(data, "postmaster.pid"),
    postmasterOptions: join(data, "postmaster.opts"),
  });
}
