import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { PROJECT } from "./project.js";
import { runChild } from "./run-child.js";
import { withLock } from "./with-lock.js";

const LOCKFILE = `${PROJECT}package-lock.json`;
/** What npm last put into node_modules, in the form of a lockfile. */
const INSTALLED = `${PROJECT}node_modules/.package-lock.json`;
/** The hash of the lockfile that node_modules was last found to satisfy. */
const STAMP = `${PROJECT}node_modules/.holdfast-installed`;

/** Nothing here depends on install scripts, which many setups block: they are not run. */
const INSTALL = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];

/** Installs the packages that package-lock.json names, unless they are there. */
export async function install() {
  if (isInstalled()) return;
  await withLock(`${PROJECT}dist/.install.lock`, async () => {
    if (isInstalled()) return;
    console.error("Installing packages …");
    const status = await runChild("npm", INSTALL, PROJECT).catch((error) => {
      throw new Error(`npm could not be started: ${error.message}`);
    });
    if (status !== 0 || !satisfiesLockfile()) {
      throw new Error(
        `npm could not install the packages; see above. To try by hand: npm ${INSTALL.join(" ")}`,
      );
    }
    writeStamp(lockfileHash());
  });
}

function isInstalled() {
  const hash = lockfileHash();
  if (read(STAMP) === hash) return true;
  if (!satisfiesLockfile()) return false;
  writeStamp(hash);
  return true;
}

/** Whether somebody has installed already, by `npm ci` or `npm install`. */
function satisfiesLockfile() {
  const installed = read(INSTALLED);
  if (installed === undefined) return false;
  const { packages: present } = JSON.parse(installed);
  const { packages: wanted } = JSON.parse(readFileSync(LOCKFILE, "utf8"));
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith("node_modules/")) return true; // the project and its workspaces themselves
    const found = present[path];
    // An optional package may be for another platform.
    if (found === undefined) return entry.optional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

function lockfileHash() {
  return createHash("sha256").update(readFileSync(LOCKFILE)).digest("hex");
}

/** @param {string} hash */
function writeStamp(hash) {
  try {
    writeFileSync(STAMP, hash);
  } catch {
    // A node_modules that cannot be written to is compared again next time.
  }
}

/** @param {string} path */
function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
