import { readFileSync } from "node:fs";

/** What a process has in memory now and had at most since it began, in MiB; NaN where there is no /proc. */
export function processMemory(pid: number): { readonly nowMiB: number; readonly peakMiB: number } {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const mib = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
    return { nowMiB: mib("VmRSS"), peakMiB: mib("VmHWM") };
  } catch {
    return { nowMiB: Number.NaN, peakMiB: Number.NaN };
  }
}
