import { setTimeout as delay } from "node:timers/promises";
import { migrateUp } from "../../src/store/migrate.js";
import { previousBuild } from "../stage/previous-build.js";
import type { Fault } from "./fault.js";

const BESIDE_MS = 3_000;

/** A server of the commit before beside the new one, on the database as the new one has made it. */
export const previousVersion: Fault = {
  name: "previous-version",
  weight: 1,
  missing: () => previousBuild.missing(),
  prepare: async () => previousBuild.missing() ?? (await previousBuild.get()),
  async inject(stage, random) {
    const { path, commit } = await previousBuild.get();
    const server = random.pick(stage.servers);
    await server.restart({ path, args: ["serve"] });
    await server.ready();
    // As during an upgrade, where the new one comes last to the database.
    await migrateUp({ url: stage.databaseUrl }).catch(() => {});
    await delay(BESIDE_MS);
    await server.restart();
    await server.ready();
    return { note: `${commit} on port ${server.port}` };
  },
};
