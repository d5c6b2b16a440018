/** The lowest that package.json's `engines` admits. */
const LOWEST = [20, 19];

/** Ends the process with a clear message when Node is too old to go on. */
export function checkNodeVersion() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > LOWEST[0] || (major === LOWEST[0] && minor >= LOWEST[1])) return;
  console.error(
    `Holdfast needs Node ${LOWEST.join(".")} or later; this is ${process.version} (${process.execPath}).`,
  );
  process.exit(1);
}
