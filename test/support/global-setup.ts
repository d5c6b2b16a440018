import type { TestProject } from "vitest/node";
import { cancelOnSignals } from "../runner/cancel-on-signals.js";
import { buildCli } from "./cli-process.js";
import { createTemplateDatabase } from "./template-database.js";
import { startTestCluster } from "./test-cluster.js";

declare module "vitest" {
  export interface ProvidedContext {
    /** The server, and the migrated database on it that test databases are cloned from. */
    testCluster: { url: string; template: string };
  }
}

/** Decides once per test run which Postgres the tests use, and migrates the database they clone. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const tornDown = cancelOnSignals(project.vitest);
  // Worker threads and processes of tests run what is compiled.
  await buildCli();
  const cluster = await startTestCluster();
  try {
    console.log(`Tests use ${cluster.description}.`);
    for (const what of cluster.notRunHere) console.log(`not run here: ${what}`);
    const template = await createTemplateDatabase(cluster.url, migrate);
    project.provide("testCluster", { url: cluster.url, template: template.name });
    return () =>
      template
        .close()
        .finally(() => cluster.close())
        .finally(tornDown);
  } catch (error) {
    await cluster.close().finally(tornDown);
    throw error;
  }
}

async function migrate(url: string): Promise<void> {
  const { migrateUp } = await import("../../src/store/migrate.js");
  await migrateUp({ url });
}
