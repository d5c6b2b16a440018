import { type ChannelCredentials, type ChannelOptions, Client, credentials } from "@grpc/grpc-js";
import type { ConnectOptions, TlsOptions } from "../connect-options.js";
import { HoldfastError } from "../holdfast-error.js";
import type { ConnectionSettings } from "./connection-settings.js";
import { LONGEST_TIMER_MS } from "./duration.js";
import type { Address } from "./target.js";

// A probe that is not answered in this time means the connection is gone.
const KEEPALIVE_TIMEOUT_MS = 10_000;
// One attempt a second costs nobody anything, and everything waits for it once the server is back.
const MAX_RECONNECT_MS = 1_000;
// How grpc-js is told that there is no limit, or that something is never done.
const NONE = -1;

/** Throws TypeError for credentials that would travel in plaintext to another machine. */
export function refusePlaintextCredentials(options: ConnectOptions): void {
  const hasCredentials = options.token !== undefined || options.metadata !== undefined;
  if (options.tls || !hasCredentials || options.allowPlaintextCredentials) return;
  const remote = [options.address].flat().find((address) => !isLocal(address));
  if (remote === undefined) return;
  throw new TypeError(`credentials for ${remote} need tls, or allowPlaintextCredentials`);
}

/** A channel to one address, which connects when first used. */
export function openChannel(
  { target, name }: Address,
  options: Pick<ConnectOptions, "tls"> & { readonly credentials: ChannelCredentials },
  settings: ConnectionSettings,
): Client {
  const tls = tlsOf(options);
  const { keepaliveMs, maxReceiveBytes, retry } = settings;
  const channel: ChannelOptions = {
    "grpc.keepalive_time_ms": keepaliveMs > LONGEST_TIMER_MS || keepaliveMs === 0 ? NONE : keepaliveMs,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    "grpc.max_receive_message_length": maxReceiveBytes === Infinity ? NONE : maxReceiveBytes,
    "grpc.max_send_message_length": NONE,
    // The channel's own waits between connection attempts, else up to two minutes.
    "grpc.initial_reconnect_backoff_ms": Math.min(retry.initialDelayMs, MAX_RECONNECT_MS),
    "grpc.max_reconnect_backoff_ms": Math.min(retry.maxDelayMs, MAX_RECONNECT_MS),
    // A client of its own is a connection of its own: closing one never disturbs another.
    "grpc.use_local_subchannel_pool": 1,
  };
  if (name !== undefined) channel["grpc.default_authority"] = `${name.host}:${name.port}`;
  if (tls.serverName !== undefined) channel["grpc.default_authority"] = tls.serverName;
  const serverName = tls.serverName ?? name?.host;
  if (options.tls && serverName !== undefined) channel["grpc.ssl_target_name_override"] = serverName;
  return new Client(target, options.credentials, channel);
}

/** What all channels of a client show. Throws INVALID_ARGUMENT for certificates or a key that cannot be read. */
export function channelCredentials(options: Pick<ConnectOptions, "tls">): ChannelCredentials {
  if (!options.tls) return credentials.createInsecure();
  const tls = tlsOf(options);
  const pem = (value: Buffer | string | undefined) => (value === undefined ? null : Buffer.from(value));
  try {
    return credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.cert));
  } catch (thrown) {
    const { message } = HoldfastError.from(thrown);
    const expected = "PEM texts, and a key and its certificate chain only together";
    throw new HoldfastError(`tls: expected ${expected}: ${message}`, {
      code: "INVALID_ARGUMENT",
      reason: "INVALID_FIELD",
      cause: thrown,
    });
  }
}

function tlsOf({ tls }: Pick<ConnectOptions, "tls">): TlsOptions {
  return typeof tls === "object" ? tls : {};
}

function isLocal(address: string): boolean {
  return /^(unix:|unix-abstract:|((dns|ipv4|ipv6):(\/\/\/)?)?(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$)/.test(
    address,
  );
}
