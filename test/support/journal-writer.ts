import { connect } from "../../clients/typescript/src/index.js";

/**
 * A process that records for ever with a journal, and says of each record what became of it: a line `id state`,
 * written at once. Its arguments: address, directory, tenant.
 */
const [address = "", directory = "", tenantId = ""] = process.argv.slice(2);
const holdfast = connect({
  address,
  tenantId,
  retry: { initialDelayMs: 20, maxDelayMs: 100 },
  journal: { directory, acknowledgeWithinMs: 200, probeIntervalMs: 50 },
});
const recorder = holdfast.recorder();
for (;;) {
  for (let i = 0; i < 10; i++) {
    const record = recorder.observe({ type: "o" });
    record.then(
      ({ state }) => process.stdout.write(`${record.id} ${state}\n`),
      (error: Error) => process.stdout.write(`${record.id} ${error.message}\n`),
    );
  }
  await recorder.ready();
  await new Promise((resolve) => setTimeout(resolve, 5));
}
