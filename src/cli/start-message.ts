import { resolve } from "node:path";
import type { App } from "../app.js";
import { type Config, settings } from "../config.js";
import { formatHost, parsePostgresHosts } from "../core/postgres-hosts.js";
import { readVersion } from "../core/version.js";
import { formatAddress } from "../rpc/listen-error.js";

/** What a server says once it serves: what runs where, where the data is, and what to type next. */
export function formatStart(app: App, config: Config): string {
  const grpc = formatAddress(app.grpc.host, app.grpc.port);
  const http = formatAddress(app.http.host, app.http.port);
  const usual = `${settings.grpcHost.fallback}:${settings.grpcPort.fallback}`;
  // A certificate is for a name, and the address of all interfaces is nobody's.
  const reachable = grpc.replace(/^(0\.0\.0\.0|\[::\])(?=:)/, "localhost");
  const address = grpc === usual ? "" : ` --address ${reachable}`;
  const tls = config.tlsCertFile === "" ? "" : " --tls-ca CA.pem";
  const token = config.tokensFile === "" ? "" : " --token TOKEN";
  return `Holdfast ${readVersion()} serves.
  gRPC      ${grpc}  (${edge(config)})
  HTTP      http://${http}/metrics  /livez  /readyz
  Postgres  ${database(app, config)}
Next, in another terminal: npx holdfast tail${address}${tls}${token} --from start
`;
}

function edge({ tlsCertFile, tlsClientCaFile, tokensFile }: Config): string {
  const tls = tlsCertFile === "" ? "no TLS" : tlsClientCaFile === "" ? "TLS" : "mutual TLS";
  return `${tls}, ${tokensFile === "" ? "no tokens" : "tokens"}`;
}

function database({ embeddedVersion }: App, { databaseUrl, dataDirectory }: Config): string {
  if (embeddedVersion !== undefined)
    return `${embeddedVersion}, embedded; its data is in ${resolve(dataDirectory)}`;
  return withoutCredentials(databaseUrl);
}

function withoutCredentials(url: string): string {
  try {
    const { hosts, url: plain } = parsePostgresHosts(url);
    const { host, pathname } = new URL(plain);
    return `${hosts.length > 1 ? hosts.map(formatHost).join(",") : host}${pathname}`;
  } catch {
    return "as DATABASE_URL says"; // pg takes some forms that URL does not, such as an empty host
  }
}
