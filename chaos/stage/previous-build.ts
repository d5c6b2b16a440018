import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The commit before, built aside once and kept for the next run. */
export const previousBuild = {
  /** Why there is none; undefined when there can be one. */
  missing(): string | undefined {
    const commit = previousCommit();
    if (commit === undefined) return "there is no history with a commit before this one";
    const other = FORMAT.filter((path) => tree(commit, path) !== tree("HEAD", path));
    // Clients would send it what it does not know, and when it starts it puts its own routines into the database.
    return other.length > 0 ? `the commit before this one has other files in ${other.join(", ")}` : undefined;
  },

  /** Its program. */
  async get(): Promise<{ readonly path: string; readonly commit: string }> {
    const commit = previousCommit() ?? "";
    const directory = join(tmpdir(), "holdfast-chaos-builds", commit);
    const path = join(directory, "dist/src/bin.js");
    if (!existsSync(join(directory, "dist/.stamp"))) await build(commit, directory);
    return { path, commit: commit.slice(0, 8) };
  },
};

/** What two versions must have in common to serve the same clients on the same database. */
const FORMAT = ["proto", "src/store/routines"];

function tree(commit: string, path: string): string {
  return git("rev-parse", `${commit}:${path}`);
}

function previousCommit(): string | undefined {
  try {
    return git("rev-parse", "--verify", "HEAD~1^{commit}").trim();
  } catch {
    return undefined;
  }
}

async function build(commit: string, directory: string): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  // An archive, not a worktree: nothing of it is left in the repository.
  const archive = git("rev-parse", "--show-toplevel").trim();
  execFileSync("sh", ["-c", `git -C "$1" archive "$2" | tar -x -C "$3"`, "sh", archive, commit, directory]);
  symlinkSync(join(archive, "node_modules"), join(directory, "node_modules"));
  const program = 'import("./scripts/build.js").then(({ build }) => build())';
  const child = spawn(process.execPath, ["--eval", program], {
    cwd: directory,
    stdio: ["ignore", "ignore", 2],
  });
  const status = await new Promise((resolve) => child.once("exit", resolve));
  if (status !== 0) throw new Error(`the commit before, ${commit}, could not be built`);
}

function git(...args: string[]): string {
  return execFileSync("git", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}
