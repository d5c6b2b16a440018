import { beforeAll, expect, test } from "vitest";
import { ActionService } from "../gen/holdfast/v1/action_pb.js";
import { ObservationService } from "../gen/holdfast/v1/observation_pb.js";
import { action, observation } from "./support/entries.js";
import { query } from "./support/query.js";
import { rowsRead, settleRowsRead, stopAutovacuum } from "./support/rows-read.js";
import { type EntryInit, newTenant, type Tenant } from "./support/tenant.js";
import { useServers } from "./support/use-server.js";

/** Of each kind. */
const ROWS = 2000;
const BATCH = 500;
const TABLES = ["actions", "observations", "revisions"];

const servers = useServers({ databaseConnections: 2 });

let sessionId: string;
let entries: readonly EntryInit[];
let tenant: Tenant;

async function fill(own: Tenant): Promise<readonly EntryInit[]> {
  ({ id: sessionId } = await own.open());
  const made = Array.from({ length: ROWS }, () => [action({ sessionId }), observation({ sessionId })]).flat();
  for (let from = 0; from < made.length; from += BATCH) await own.append(...made.slice(from, from + BATCH));
  return made;
}

function idOf({ entry }: EntryInit): string {
  const value = entry?.value as { readonly id?: string } | undefined;
  return value?.id ?? "";
}

beforeAll(() => stopAutovacuum(servers.databaseUrl, TABLES));

// Statistics are of others alone until Postgres counts anew: days, in a large database.
test.each<[string, () => Promise<unknown>]>([
  [
    "an observation",
    () =>
      tenant.rpc.unary(ObservationService.method.getObservation, {
        key: { case: "id", value: idOf(present(1)) },
      }),
  ],
  [
    "an action",
    () => tenant.rpc.unary(ActionService.method.getAction, { key: { case: "id", value: idOf(present(0)) } }),
  ],
  [
    "the newest observations of a session",
    () =>
      tenant.rpc.unary(ObservationService.method.listObservations, {
        filter: { sessionIds: [sessionId] },
        pageSize: 5,
      }),
  ],
  ["what was sent before", () => tenant.append(...entries.slice(0, 10))],
])("of a tenant that came lately %s costs reading it and no more", async (_, read) => {
  tenant = newTenant(servers.app());
  await fill(tenant);
  for (const table of TABLES) await query(servers.databaseUrl, `VACUUM ANALYZE holdfast.${table}`);
  tenant = newTenant(servers.app());
  entries = await fill(tenant);
  // Either connection tells of what it did before by the next thing it does.
  const settle = () => settleRowsRead(() => Promise.all([tenant.open(), tenant.open()]));
  await settle();
  const before = await rowsRead(servers.databaseUrl, TABLES);
  await read();
  await settle();
  expect((await rowsRead(servers.databaseUrl, TABLES)) - before).toBeLessThan(100);
});

function present(at: number): EntryInit {
  const entry = entries[at];
  if (!entry) throw new RangeError(`expected an entry at ${at}`);
  return entry;
}
