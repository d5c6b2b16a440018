import { expect, test } from "vitest";
import { readConfig } from "../config.js";

test("processes of exports and imports are given what reaches Postgres, and nothing that is the server's alone", () => {
  const needed = {
    PGPASSFILE: "/secrets/pgpass",
    PGSSLROOTCERT: "/certs/ca.pem",
    HOME: "/srv/holdfast",
    TZ: "Europe/Vienna",
    NODE_EXTRA_CA_CERTS: "/certs/extra.pem",
  };
  const others = {
    NODE_OPTIONS: "--inspect=127.0.0.1:9229",
    NODE_V8_COVERAGE: "/tmp/coverage",
    DATABASE_URL: "postgresql://owner:secret@127.0.0.1/holdfast",
    PATH: "/usr/bin",
    HOLDFAST_TOKENS: "/secrets/tokens.json",
  };
  expect(readConfig({ ...needed, ...others }).taskEnvironment).toEqual(needed);
});
