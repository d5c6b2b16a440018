// A process that lists pages of observations of one session after another, waiting for each.
import { connect } from "@holdfast/client";
import { timeEach } from "../support/time-each.js";
import { serveWorker } from "../support/worker.js";

const PAGE = 50;
const [address = "", tenantId = "", sessions = ""] = process.argv.slice(2);
const sessionIds = sessions.split(",");
const holdfast = connect({ address, tenantId });

serveWorker<{ seconds: number }, readonly number[]>(
  ({ seconds }) =>
    timeEach(seconds, async (i) => {
      const sessionId = sessionIds[(i * 7) % sessionIds.length] ?? "";
      const page = await holdfast.observations.page({ sessionIds: [sessionId] }, { pageSize: PAGE });
      if (page.items.length !== PAGE)
        throw new Error(`expected ${PAGE} observations, got ${page.items.length}`);
    }),
  () => holdfast.close(),
);
