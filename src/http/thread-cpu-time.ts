import { closeSync, openSync, readSync } from "node:fs";

/** CPU time that the thread of the event loop has used until now, in ms. */
export interface ThreadCpuTime {
  nowMs(): number;
  close(): void;
}

/** The first number of `schedstat` is nanoseconds on a CPU; three numbers take no more than this. */
const SCHEDSTAT_BYTES = 96;

/**
 * Reads the CPU time of the calling process' main thread. Where the system does not tell it (other than Linux) it
 * is that of all threads, worker threads included.
 */
export function threadCpuTime(): ThreadCpuTime {
  let file: number;
  try {
    file = openSync(`/proc/self/task/${process.pid}/schedstat`, "r");
  } catch {
    return { nowMs: processCpuMs, close: () => undefined };
  }
  const buffer = Buffer.alloc(SCHEDSTAT_BYTES);
  return {
    nowMs() {
      // From the start each time: the system makes the text anew.
      const length = readSync(file, buffer, 0, SCHEDSTAT_BYTES, 0);
      return Number(buffer.toString("latin1", 0, length).split(" ", 1)[0]) / 1e6;
    },
    close: () => closeSync(file),
  };
}

function processCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
