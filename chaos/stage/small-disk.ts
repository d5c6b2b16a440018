import { spawnSync } from "node:child_process";
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";

/** A file system of its own for the data directory, that can be filled to the last byte. */
export interface SmallDisk {
  readonly path: string;
  /** Takes what is free. */
  fill(): void;
  /** Gives it back. */
  free(): void;
  close(): void;
}

/** Sparse: what is not used takes no room. Enough for a run of an hour. */
const SIZE_BYTES = 12 * 1024 ** 3;

/**
 * Mounts a file of this directory as a disk, made first if it is not there. Undefined where mounting is not permitted.
 */
export function mountSmallDisk(directory: string): SmallDisk | undefined {
  const image = join(directory, "disk.img");
  const path = join(directory, "disk");
  const isNew = !existsSync(image);
  mkdirSync(path, { recursive: true });
  if (isNew) {
    const file = openSync(image, "w");
    ftruncateSync(file, SIZE_BYTES);
    closeSync(file);
    // No room kept back for root, who runs no Postgres.
    if (!run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1", image)) return discard(image);
  }
  if (!run("mount", "-o", "loop", image, path)) return isNew ? discard(image) : undefined;
  const ballast = join(path, "ballast");
  const unmount = () => {
    if (!run("umount", path)) run("umount", "-l", path);
  };
  process.once("exit", unmount);
  return {
    path,
    fill() {
      const { bavail, bsize } = statfsSync(path);
      run("fallocate", "-l", String(bavail * bsize), ballast);
      // What fallocate left, for want of a whole extent.
      run("dd", "if=/dev/zero", `of=${ballast}.rest`, "bs=4096", "status=none");
    },
    free() {
      for (const file of [ballast, `${ballast}.rest`]) rmSync(file, { force: true });
    },
    close() {
      process.off("exit", unmount);
      unmount();
    },
  };
}

function discard(image: string): undefined {
  rmSync(image, { force: true });
  return undefined;
}

function run(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}
