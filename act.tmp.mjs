import pg from "pg";
import { execSync } from "node:child_process";
const dir = execSync("ls -d /tmp/wt/chaos/chaos/results/*/postgres/socket").toString().trim().split("\n").at(-1);
const c = new pg.Client({connectionString:`postgres://postgres@localhost/holdfast?host=${dir}&port=5432&sslmode=disable`});
await c.connect();
for (let i=0;i<6;i++){ const {rows}=await c.query("select pid, state, wait_event_type w, wait_event e, round(extract(epoch from now()-query_start)::numeric,2) s, left(regexp_replace(query,'\\s+',' ','g'),260) q from pg_stat_activity where datname='holdfast' and state<>'idle' and pid<>pg_backend_pid() order by 5 desc");
 for (const r of rows) console.log(r.pid,r.state,r.w,r.e,r.s,r.q); console.log("--"); await new Promise(r=>setTimeout(r,700)); }
await c.end();
