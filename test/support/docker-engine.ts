import { request } from "node:http";

const DEFAULT_SOCKET = "/var/run/docker.sock";
/** An engine on this machine or network answers a ping in milliseconds. */
const PING_TIMEOUT_MS = 1000;

/** Whether a Docker engine answers on DOCKER_HOST, or else on the usual socket. */
export function answersDocker(): Promise<boolean> {
  const host = process.env.DOCKER_HOST;
  const url = host ? new URL(host.replace(/^tcp:/, "http:")) : undefined;
  const target =
    url && url.protocol !== "unix:"
      ? { hostname: url.hostname, port: url.port || 2375 }
      : { socketPath: url?.pathname ?? DEFAULT_SOCKET };
  return new Promise((resolve) => {
    const ping = request({ ...target, path: "/_ping", timeout: PING_TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.on("timeout", () => ping.destroy(new Error("timed out")));
    ping.on("error", () => resolve(false));
    ping.end();
  });
}
