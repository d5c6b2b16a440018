import { readFileSync } from "node:fs";

/** The version in Holdfast's package.json, wherever above this file that is. */
export function readVersion(): string {
  let directory = new URL(".", import.meta.url);
  for (;;) {
    const { name, version } = readPackage(directory);
    if (name === "holdfast" && version !== undefined) return version;
    const parent = new URL("..", directory);
    if (parent.href === directory.href) return "of an unknown version";
    directory = parent;
  }
}

function readPackage(directory: URL): { readonly name?: string; readonly version?: string } {
  try {
    return JSON.parse(readFileSync(new URL("package.json", directory), "utf8"));
  } catch {
    return {};
  }
}
