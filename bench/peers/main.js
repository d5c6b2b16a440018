// `npm run bench:peers`: the same durable events into what one could use instead, each as its documents say.
import { execFileSync, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startCluster } from "../../dist/bench/support/cluster.js";
import { describeRun } from "../../dist/bench/support/describe-run.js";
import { count, printTable } from "../../dist/bench/support/table.js";
import { writeResult } from "../../dist/bench/support/write-result.js";
import { BATCH, BATCH_CLIENTS, EVENT_BYTES } from "./workload.js";

const HERE = fileURLToPath(new URL("./", import.meta.url));
/** In the order of the table. */
const PEERS = ["holdfast", "langgraph", "google-adk", "mastra", "redis", "etcd", "nats"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: "string", default: "3" } },
});
const unknown = positionals.filter((name) => !PEERS.includes(name));
if (unknown.length > 0 || !(Number(values.seconds) > 0)) {
  console.error(`usage: npm run bench:peers -- [${PEERS.join(" | ")} …] [--seconds N]`);
  process.exit(2);
}

install();
const rows = [];
const skipped = [];
const results = [];
let postgres = "";
for (const name of positionals.length > 0 ? positionals : PEERS) {
  const result = await measure(name);
  if ("skipped" in result) skipped.push(result.skipped);
  else rows.push(result.row);
  results.push({ name, ...result });
}
printTable(rows);
for (const line of skipped) console.log(line);
console.log(
  `Events of ${EVENT_BYTES} bytes of JSON a second, each acknowledged before the next; batches are of ${BATCH} from ${BATCH_CLIENTS} clients.`,
);
const run = { ...describeRun(), postgres };
console.log(`written to ${writeResult("peers", { ...run, seconds: Number(values.seconds), results })}`);

/** @param {string} name */
async function measure(name) {
  const cluster = await startCluster();
  postgres = cluster.version;
  try {
    const peer = await describe(name);
    if (peer.why !== undefined) return { skipped: `${peer.title}: skipped, ${peer.why}` };
    console.log(`${peer.title} ${peer.version}: ${peer.about}`);
    const socketDirectory = new URL(cluster.url).searchParams.get("host") ?? "";
    const context = { url: cluster.url, socketDirectory, seconds: Number(values.seconds) };
    const figures = await inProcess(name, context);
    const rate = (/** @type {number | undefined} */ value) => (value === undefined ? "–" : count(value));
    return {
      ...peer,
      figures,
      row: {
        name: `${peer.title} ${peer.version}`,
        values: {
          "1 client": rate(figures.one),
          "8 clients": rate(figures.eight),
          [`batches of ${BATCH}`]: rate(figures.batched),
        },
      },
    };
  } catch (error) {
    return { skipped: `${name}: failed, ${error instanceof Error ? error.message : error}` };
  } finally {
    await cluster.close();
  }
}

/**
 * What it is, of which version, and why it cannot run here if so.
 * @param {string} name
 */
async function describe(name) {
  const source = await import(`./${name}.js`).catch((error) => ({ title: name, failure: error }));
  const { title, about, packages = [], server, leastNode = 20, failure } = source;
  if (failure) return { title, why: failure.message };
  const node = Number(process.versions.node.split(".")[0]);
  if (node < leastNode) return { title, why: `it needs Node ${leastNode}, this is ${process.versions.node}` };
  if (name === "holdfast") return { title, about, version: describeRun().commit };
  const versions = packages.slice(0, 1).map((/** @type {string} */ each) => packageVersion(each));
  if (server) {
    const version = serverVersion(server);
    if (version === undefined) return { title, why: `${server[0]} is not installed` };
    versions.unshift(version);
  }
  return { title, about, version: versions.join(", client ") };
}

/** @param {string} name */
function packageVersion(name) {
  return JSON.parse(readFileSync(`${HERE}node_modules/${name}/package.json`, "utf8")).version;
}

/** @param {string[]} command */
function serverVersion([program = "", ...args]) {
  try {
    return /\d+\.\d+\.\d+/.exec(execFileSync(program, args, { encoding: "utf8" }))?.[0];
  } catch {
    return undefined;
  }
}

/** @param {string} name @param {object} context */
async function inProcess(name, context) {
  const child = fork(`${HERE}run-peer.js`, [name, JSON.stringify(context)]);
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  const ended = once(child, "exit");
  try {
    const answered = await Promise.race([
      once(child, "message"),
      ended.then(() => {
        throw new Error("it ended before it was measured");
      }),
    ]);
    await ended;
    return answered[0];
  } finally {
    process.off("exit", kill);
  }
}

function install() {
  const installed = `${HERE}node_modules/.package-lock.json`;
  if (existsSync(installed) && isCurrent(installed)) return;
  console.error("Installing the peers …");
  const { status } = spawnSync(
    "npm",
    ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
    {
      cwd: HERE,
      stdio: ["ignore", 2, 2],
    },
  );
  if (status !== 0) throw new Error("npm could not install the peers; see above");
}

/** @param {string} installed */
function isCurrent(installed) {
  const { packages } = JSON.parse(readFileSync(installed, "utf8"));
  const { dependencies } = JSON.parse(readFileSync(`${HERE}package.json`, "utf8"));
  return Object.entries(dependencies).every(
    ([name, version]) => packages[`node_modules/${name}`]?.version === version,
  );
}
