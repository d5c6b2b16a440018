import { existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

/**
 * A function that runs in a worker process: an export of a module that worker processes load. Argument and result are
 * copied by structured clone, so both are plain data.
 */
export interface WorkerTask<Argument, Result> {
  /** The name of the export, also in metrics. */
  readonly name: string;
  /** The URL of the compiled module. */
  readonly module: string;
  /** For the types alone. */
  readonly type?: (argument: Argument) => Result | Promise<Result>;
}

/**
 * @param from `import.meta.url` of the caller
 * @param path of the module that exports the function, relative to the caller, as in an import: `./compare-task.js`
 */
export function workerTask<Argument, Result>(
  from: string,
  path: string,
  name: string,
): WorkerTask<Argument, Result> {
  return Object.freeze({ name, module: compiledModule(new URL(path, from)) });
}

/** Worker processes load compiled modules alone. Where the sources run, as in tests, those stand below `dist`. */
export function compiledModule(url: URL): string {
  const path = fileURLToPath(url);
  if (existsSync(path)) return url.href;
  const place = Math.max(path.lastIndexOf("/src/"), path.lastIndexOf("/test/"));
  return pathToFileURL(`${path.slice(0, place)}/dist${path.slice(place)}`).href;
}
