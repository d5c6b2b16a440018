import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const PROJECT = fileURLToPath(new URL("../", import.meta.url));

interface SourceFile {
  /** From the project, with slashes. */
  readonly path: string;
  readonly text: string;
  /** What it imports: a path from the project, or the name of a package. */
  readonly imports: readonly string[];
}

const IMPORT =
  /(?:^|[\n;])\s*(?:import|export)\s(?:[^"';]*?\sfrom\s*)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/g;

function filesUnder(directory: string): SourceFile[] {
  return readdirSync(join(PROJECT, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.includes("node_modules") && !file.includes("/dist/"))
    .map((file) => {
      const text = readFileSync(file, "utf8");
      const specifiers = [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? "");
      const imports = specifiers.map((specifier) =>
        specifier.startsWith(".")
          ? relative(PROJECT, resolve(dirname(file), specifier)).replaceAll("\\", "/")
          : specifier,
      );
      return { path: relative(PROJECT, file).replaceAll("\\", "/"), text, imports };
    });
}

const source = filesUnder("src");
const clients = filesUnder("clients");
const hand = [
  ...source,
  ...clients,
  ...["test", "scripts", "chaos", "soak"].flatMap((folder) => filesUnder(folder)),
];

const isTest = ({ path }: SourceFile) => /\.test\.ts$|\/testing\//.test(path);
const shipped = source.filter((file) => !isTest(file));

/** What each layer may import besides itself; a file directly in src is a layer of its own. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  bin: ["cli"],
  cli: [
    "app",
    "config",
    "rpc",
    "http",
    "legacy",
    "archive",
    "transfers",
    "service",
    "workers",
    "store",
    "postgres",
    "entities",
    "core",
    "gen",
  ],
  app: [
    "config",
    "rpc",
    "http",
    "legacy",
    "archive",
    "transfers",
    "service",
    "workers",
    "store",
    "postgres",
    "entities",
    "core",
    "gen",
  ],
  config: ["core"],
  rpc: ["service", "workers", "store", "entities", "core", "gen"],
  http: ["service", "store", "entities", "core", "gen"],
  legacy: ["archive", "transfers", "service", "workers", "store", "entities", "core", "gen"],
  archive: ["transfers", "service", "workers", "store", "entities", "core", "gen"],
  transfers: ["workers", "postgres", "core", "gen"],
  service: ["workers", "store", "entities", "core", "gen"],
  workers: ["core", "gen"],
  store: ["entities", "core", "gen"],
  postgres: ["core"],
  entities: ["core", "gen"],
  core: ["gen"],
};

function layerOf(path: string): string {
  const [top, second = ""] = path.split("/");
  return top === "src" ? second.replace(/\.[jt]s$/, "") : (top ?? "");
}

function offending(
  files: readonly SourceFile[],
  offends: (file: SourceFile) => boolean | undefined,
): string[] {
  return files.filter(offends).map((file) => file.path);
}

/** Whether a package is imported, or something inside it. */
function importsPackage({ imports }: SourceFile, ...names: readonly string[]): boolean {
  return imports.some((each) => names.some((name) => each === name || each.startsWith(`${name}/`)));
}

describe("imports", () => {
  test("are found at all", () => {
    const app = source.find((file) => file.path === "src/app.ts");
    expect(app?.imports).toContain("src/service/appender.js");
    expect(app?.imports).toContain("pino");
    expect(new Set(shipped.map((file) => layerOf(file.path))).size).toBeGreaterThan(8);
  });

  test("point down only", () => {
    const upward = shipped.flatMap(({ path, imports }) => {
      const layer = layerOf(path);
      const allowed = MAY_IMPORT[layer];
      if (!allowed) return [`${path}: which layer is ${layer}?`];
      return imports
        .filter((each) => /^(src|gen|test|bench|chaos|fuzz|soak|examples)\//.test(each))
        .filter((each) => layerOf(each) !== layer && !allowed.includes(layerOf(each)))
        .map((each) => `${path} imports ${each}`);
    });
    expect(upward).toEqual([]);
  });

  test("reach the client from the command line alone, through its index, and nothing of the server from it", () => {
    const index = ["clients/typescript/src/index.js", "@holdfast/client"];
    const ofClients = shipped.flatMap(({ path, imports }) =>
      imports
        .filter((each) => /^(clients\/|@holdfast\/client)/.test(each))
        .filter((each) => layerOf(path) !== "cli" || !index.includes(each))
        .map((each) => `${path} imports ${each}`),
    );
    expect(ofClients).toEqual([]);
    const shippedClients = clients.filter((file) => !isTest(file));
    const isServer = (each: string) => each.startsWith("src/");
    expect(offending(shippedClients, (file) => file.imports.some(isServer))).toEqual([]);
  });

  test("of tests come from tests only", () => {
    const offends = ({ imports }: SourceFile) =>
      imports.some((each) => /\/testing\/|\.test\.js$|^test\/|^(vitest|fast-check)$/.test(each));
    expect(offending(shipped, offends)).toEqual([]);
  });
});

describe("only", () => {
  test("rpc, and app for its types, knows grpc-js", () => {
    const offends = (file: SourceFile) =>
      layerOf(file.path) !== "rpc" && importsPackage(file, "@grpc/grpc-js", "grpc-health-check");
    const allowed = ["src/app/secure-edge.ts"];
    expect(offending(shipped, offends).filter((path) => !allowed.includes(path))).toEqual([]);
    const edge = shipped.find((file) => file.path === "src/app/secure-edge.ts");
    expect(edge?.text).not.toMatch(/^import (?!type).*"@grpc\/grpc-js"/m);
  });

  test("store runs SQL, postgres to ask its server whether it is there, legacy on databases to import", () => {
    const offends = (file: SourceFile) =>
      !["store", "postgres"].includes(layerOf(file.path)) &&
      file.path !== "src/legacy/read-database-records.ts" &&
      (importsPackage(file, "pg", "pg-cursor", "pg-copy-streams") ||
        /^import (?!type).*"kysely/m.test(file.text) ||
        /[`"']\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|GRANT|LISTEN|SET LOCAL)\s+[a-z$*]/.test(
          file.text,
        ));
    expect(offending(shipped, offends)).toEqual([]);
  });

  test("config and bin read the environment, and what hands it to a child", () => {
    const offends = ({ path, text }: SourceFile) =>
      !["config", "bin", "postgres"].includes(layerOf(path)) && /\bprocess\.env\b/.test(text);
    const offenders = offending(shipped, offends);
    // The command line hands the environment to config, and reads nothing from it.
    const handing = (path: string) =>
      !/process\.env(?!\s*[,)])/.test(readFileSync(join(PROJECT, path), "utf8"));
    expect(offenders.filter((path) => !(layerOf(path) === "cli" && handing(path)))).toEqual([]);
  });
});

describe("every file", () => {
  test("written by hand stays under 300 lines", () => {
    const long = [...source, ...clients].filter(
      (file) => !isTest(file) && file.text.split("\n").length > 300,
    );
    expect(long.map((file) => file.path)).toEqual([]);
  });

  test("leaves nothing for later", () => {
    const marker = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"].join("|")})\\b`);
    expect(offending(hand, ({ text }) => marker.test(text))).toEqual([]);
  });

  test("of tests runs all of its tests, always", () => {
    const narrowed = /\b(test|it|describe|suite)(\.\w+)*\.(only|skip|todo|fails)\b|\b[fx](it|describe)\(/;
    expect(offending(hand.filter(isTest), ({ text }) => narrowed.test(text))).toEqual([]);
  });

  test("is named in kebab-case, and says nothing of the machine it was written on", () => {
    const name = /^[a-z0-9-]+(\.[a-z]+)*\.[jt]s$/;
    expect(hand.map((file) => file.path).filter((path) => !name.test(path.split("/").at(-1) ?? ""))).toEqual(
      [],
    );
    const places = new RegExp(["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/\\w"].join("|"));
    expect(offending(hand, ({ text }) => places.test(text))).toEqual([]);
  });

  test("that connects to Postgres hears the error of a lost connection, which would else end the process", () => {
    const connects = /new (pg\.)?(Client\(\{|Pool\()/;
    expect(offending(hand, ({ text }) => connects.test(text) && !text.includes('.on("error"'))).toEqual([]);
  });

  test("of the server writes to the log, not to the console", () => {
    const offends = ({ path, text }: SourceFile) => layerOf(path) !== "cli" && /\bconsole\.\w+\(/.test(text);
    expect(offending(shipped, offends)).toEqual([]);
  });
});
