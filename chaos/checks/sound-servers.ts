import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Findings } from "./findings.js";
import type { Violation } from "./guarantee.js";
import { serverDefect } from "./server-log.js";

const LOG = /^server-\d+\.log$/;

/** No server left a failure unhandled or held its event loop, by the logs of the servers in this directory. */
export async function checkSoundServers(directory: string): Promise<Violation[]> {
  const findings = new Findings("Live");
  for (const name of readdirSync(directory).filter((each) => LOG.test(each))) {
    for await (const line of createInterface({ input: createReadStream(join(directory, name)) })) {
      const defect = serverDefect(line);
      if (defect !== undefined) findings.add(defect);
    }
  }
  return findings.violations;
}
