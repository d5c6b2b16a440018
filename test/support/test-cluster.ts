import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { startEmbeddedPostgres } from "../../src/postgres/start-embedded-postgres.js";
import { answersDocker } from "./docker-engine.js";
import { sweepTestClusters } from "./sweep-test-clusters.js";

/** A Postgres server that test databases are made on. */
export interface TestCluster {
  /** Of a role that may create databases and roles. */
  readonly url: string;
  /** What it is, for the reader of the test run. */
  readonly description: string;
  /** What else could have been used and why it was not. */
  readonly notRunHere: readonly string[];
  close(): Promise<void>;
}

const POSTGRES_IMAGE = "postgres:18";
const EMBEDDED_PREFIX = "holdfast-test-";
/**
 * Each of several test files has servers that hold up to 16 each. One that finds no room to listen for hints is told of
 * nothing, and its test waits for ever.
 */
const MAX_CONNECTIONS = "300";

/** The server named by HOLDFAST_TEST_DATABASE_URL, else one in a container, else the embedded one. */
export async function startTestCluster(): Promise<TestCluster> {
  const given = process.env.HOLDFAST_TEST_DATABASE_URL;
  if (given) {
    return { url: given, description: "HOLDFAST_TEST_DATABASE_URL", notRunHere: [], close: async () => {} };
  }
  return (await answersDocker()) ? startContainer() : startEmbedded();
}

async function startContainer(): Promise<TestCluster> {
  const { GenericContainer, Wait } = await import("testcontainers");
  const container = await new GenericContainer(POSTGRES_IMAGE)
    .withEnvironment({ POSTGRES_PASSWORD: "holdfast" })
    .withExposedPorts(5432)
    .withCommand(["postgres", "-c", `max_connections=${MAX_CONNECTIONS}`])
    // The first "ready" is that of the server that only initialises.
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
    .start();
  return {
    url: `postgres://postgres:holdfast@${container.getHost()}:${container.getMappedPort(5432)}/postgres`,
    description: `Testcontainers, ${POSTGRES_IMAGE}`,
    notRunHere: [],
    close: async () => void (await container.stop()),
  };
}

async function startEmbedded(): Promise<TestCluster> {
  await sweepTestClusters(EMBEDDED_PREFIX);
  const directory = await mkdtemp(join(tmpdir(), EMBEDDED_PREFIX));
  const discard = () => rm(directory, { recursive: true, force: true });
  try {
    await chmod(directory, 0o755); // under root another account runs Postgres, and must get there
    const logger = pino({ level: "warn" });
    // What no test could see: it takes a loss of power, not of a process, to lose what was not forced to the disk.
    const settings = { fsync: "off", full_page_writes: "off", max_connections: MAX_CONNECTIONS };
    const postgres = await startEmbeddedPostgres({ directory, logger, settings });
    return {
      url: postgres.url,
      description: `embedded Postgres ${postgres.version}`,
      notRunHere: ["Testcontainers (no Docker engine answers)"],
      close: () => postgres.close().finally(discard),
    };
  } catch (error) {
    await discard();
    throw error;
  }
}
