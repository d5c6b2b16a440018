import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { connect } from "@holdfast/client";
import { freePort } from "../../chaos/stage/free-port.js";
import { killWithUs } from "./kill-with-us.js";
import { profileArguments } from "./worker.js";

/** A Holdfast in a process of its own, with the settings it has by default. */
export interface BenchServer {
  readonly address: string;
  readonly pid: number;
  close(): Promise<void>;
}

export async function startServer(
  databaseUrl: string,
  profileDirectory: string | undefined,
  options: { readonly port?: number } = {},
): Promise<BenchServer> {
  const program = fileURLToPath(new URL("../../bundle/bin.js", import.meta.url));
  const address = `127.0.0.1:${options.port ?? (await freePort())}`;
  const child = spawn(process.execPath, [...profileArguments(profileDirectory), program, "serve"], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      HOLDFAST_GRPC_PORT: address.split(":")[1],
      HOLDFAST_HTTP_PORT: "0",
    },
  });
  killWithUs(child);
  const exited = once(child, "exit");
  await answering(address);
  return {
    address,
    pid: child.pid ?? 0,
    async close() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

async function answering(address: string): Promise<void> {
  const holdfast = connect({ address, deadlineMs: 30_000, retry: { maxDelayMs: 200 } });
  try {
    await holdfast.admin.getLogHead();
  } finally {
    await holdfast.close();
  }
}
