import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bench } from "./bench.js";
import { median } from "./support/statistics.js";

const SERVES = /serves\./;

/** What somebody waits for who types `npm start` for the second time. */
export const start: Bench = {
  name: "start",
  about:
    "from `npm start` to serving, installed, built and with data from before: npm, the check that all is built, Postgres, migrations, listening",
  async run({ rounds, say }) {
    const data = await mkdtemp(join(tmpdir(), "holdfast-bench-start-"));
    try {
      say(`  first start ${(await secondsToServe(data)).toFixed(2)} s`);
      const seconds: number[] = [];
      for (let round = 0; round < rounds; round++) {
        seconds.push(await secondsToServe(data));
        say(`  ${seconds.at(-1)?.toFixed(2)} s`);
      }
      const middle = `${median(seconds).toFixed(2)} s`;
      return {
        rows: [{ name: "npm start", values: { "to serving": middle } }],
        notes: [],
        verdicts: [
          {
            name: "start",
            holdfast: middle,
            reference: "–",
            unit: "s",
            values: seconds,
            reach: { atMost: 2 },
          },
        ],
        figures: { seconds },
      };
    } finally {
      await rm(data, { recursive: true, force: true });
    }
  },
};

/** Starts, waits until it says that it serves, stops again. */
async function secondsToServe(data: string): Promise<number> {
  const from = performance.now();
  const options = ["--data", data, "--grpc-port", "0", "--http-port", "0"];
  // A group of its own: npm starts a shell that starts Node.
  const child = spawn("npm", ["start", "--silent", "--", ...options], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const stop = (signal: NodeJS.Signals) => {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  };
  const kill = () => stop("SIGKILL");
  process.once("exit", kill);
  // When everyone who could write there is gone: the server outlives npm by a moment.
  const closed = once(child, "close");
  try {
    let said = "";
    await new Promise<void>((resolve, reject) => {
      child.stdout.on("data", (chunk: Buffer) => {
        said += chunk;
        if (SERVES.test(said)) resolve();
      });
      closed.then(() => reject(new Error(`npm start ended before it served: ${said}`)), reject);
    });
    return (performance.now() - from) / 1000;
  } finally {
    process.off("exit", kill);
    stop("SIGTERM");
    await closed;
  }
}
