// A process of many connections that each change rows of the same shape and keep a history row of each change.
import { createHash, randomUUID } from "node:crypto";
import pg from "pg";
import { timeEach } from "../support/time-each.js";
import { serveWorker } from "../support/worker.js";

const [url = "", connections = ""] = process.argv.slice(2);
const clients = Array.from({ length: Number(connections) }, () => new pg.Client({ connectionString: url }));
await Promise.all(clients.map((client) => client.connect()));
const [first] = clients as [pg.Client];
const hash = createHash("sha256").digest();

// As Holdfast left them: the same columns, indexes and rows.
await first.query(`
  CREATE TABLE public.direct_goals (LIKE holdfast.goals INCLUDING ALL);
  ALTER TABLE public.direct_goals SET (fillfactor = 80);
  INSERT INTO public.direct_goals SELECT * FROM holdfast.goals;
  CREATE TABLE public.direct_revisions (LIKE holdfast.revisions INCLUDING ALL);
  CREATE SEQUENCE public.direct_position;`);
const { rows } = await first.query<{ tenant_id: string; id: string }>(
  "SELECT tenant_id, id FROM public.direct_goals ORDER BY id",
);

const UPDATE = {
  name: "update",
  text: `WITH changed AS (
      UPDATE public.direct_goals
      SET description = $3, priority = $4, revision = revision + 1, update_time = clock_timestamp(),
        position = nextval('public.direct_position')
      WHERE tenant_id = $1 AND id = $2 RETURNING *
    )
    INSERT INTO public.direct_revisions
    SELECT tenant_id, position, update_time, 'goal', id, revision, 'UPDATED', session_id, agent_id, $5, $6, $6,
      row_to_json(changed) FROM changed`,
};

serveWorker<{ seconds: number }, readonly number[]>(
  async ({ seconds }) => {
    const each = clients.map((client, at) =>
      timeEach(seconds, async (i) => {
        const row = rows[(at + i * clients.length) % rows.length];
        const values = [row?.tenant_id, row?.id, `step ${i}: what is known by now`, (i % 100) / 100];
        await client.query({ ...UPDATE, values: [...values, randomUUID(), hash] });
      }),
    );
    return (await Promise.all(each)).flat();
  },
  async () => {
    await Promise.all(clients.map((client) => client.end()));
  },
);
