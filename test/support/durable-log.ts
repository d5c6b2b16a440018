import { DurableLog } from "../../src/service/durable-log.js";
import { Primary } from "../../src/store/primary.js";

/** What an appender of a test knows of how far logs are durable. It connects only where COMMITs wait for a standby. */
export function durableLog(url: string): DurableLog {
  return DurableLog.open(new Primary(url), { connectTimeoutMs: 5000, statementTimeoutMs: 30_000 });
}
