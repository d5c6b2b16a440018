import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lockDirectory } from "./directory-lock.js";
import { type Layout, layoutOf } from "./layout.js";
import { findProcess } from "./process-status.js";

describe("the lock of a directory", () => {
  let layout: Layout;
  beforeEach(() => {
    layout = layoutOf(mkdtempSync(join(tmpdir(), "holdfast-lock-")));
  });
  afterEach(() => rmSync(layout.directory, { recursive: true, force: true }));

  test("has one holder at a time and leaves nothing behind", () => {
    const lock = lockDirectory(layout);
    expect(() => lockDirectory(layout)).toThrow(/in use: this process already/);
    lock.close();
    lockDirectory(layout).close();
    expect(readdirSync(layout.directory)).toEqual([]);
  });

  test("closed twice does not take it from the next holder", () => {
    const first = lockDirectory(layout);
    first.close();
    const second = lockDirectory(layout);
    first.close();
    expect(() => lockDirectory(layout)).toThrow(/in use/);
    second.close();
  });

  test.each([
    ["of a process that has ended", () => JSON.stringify({ pid: endedProcess(), startTime: "1" })],
    [
      "of a process whose id another has now",
      () => JSON.stringify({ pid: process.pid, startTime: "long ago" }),
    ],
    ["left empty by a crash of the machine", () => ""],
  ])("%s is taken over", (_, content) => {
    writeFileSync(layout.lock, content());
    const lock = lockDirectory(layout);
    expect(() => lockDirectory(layout)).toThrow(/in use/);
    lock.close();
    expect(readdirSync(layout.directory)).toEqual([]);
  });

  test("names the process that holds it", () => {
    const holder = process.ppid; // it outlives this test

    const startTime = findProcess(holder)?.startTime;
    writeFileSync(layout.lock, JSON.stringify({ pid: holder, startTime }));
    expect(() => lockDirectory(layout)).toThrow(new RegExp(`process ${holder} runs its Postgres`));
  });
});

function endedProcess(): number {
  return spawnSync(process.execPath, ["--version"]).pid;
}
