import { afterEach } from "vitest";
import { connect } from "../connect.js";
import type { ConnectOptions } from "../connect-options.js";
import type { Holdfast } from "../holdfast.js";
import { type Script, ScriptedServer } from "./scripted-server.js";

/** Servers and clients that end with each test of the file. */
export function useServers() {
  const open: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });
  return {
    async serve(script: Script, port = 0): Promise<ScriptedServer> {
      const server = await ScriptedServer.start(script, port);
      open.push(() => server.kill());
      return server;
    },
    connect(server: { readonly address: string }, options: Partial<ConnectOptions> = {}): Holdfast {
      const retry = { initialDelayMs: 5, maxDelayMs: 20 };
      const client = connect({ address: server.address, retry, ...options });
      open.push(() => client.close({ timeoutMs: 0 }));
      return client;
    },
  };
}
