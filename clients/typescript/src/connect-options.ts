import type { RetryPolicy } from "./call/retry-policy.js";

/** How to reach a server and as whom. Numbers that make no sense are INVALID_ARGUMENT; Infinity is never, or no limit. */
export interface ConnectOptions {
  /**
   * "host:port", "unix:/path", or any gRPC target: "dns:///holdfast.internal:4650". Of several servers give all, as a
   * list, or a name that has all their addresses: calls and streams are spread over those that serve.
   */
  readonly address: string | readonly string[];
  /** `true` trusts the system's authorities; absent is plaintext. */
  readonly tls?: boolean | TlsOptions;
  /** Sent as `authorization: Bearer …`. A function is asked before each call, so that a token may rotate. */
  readonly token?: string | (() => string | Promise<string>);
  /** Sent with each call; a function is asked before each. */
  readonly metadata?: RequestMetadata | (() => RequestMetadata | Promise<RequestMetadata>);
  /** Sent as `holdfast-tenant`, for credentials that may act for several tenants. */
  readonly tenantId?: string;
  /** Credentials over plaintext to another machine are refused unless this says that something else encrypts. */
  readonly allowPlaintextCredentials?: boolean;
  /** For a unary call with all its retries unless it says otherwise, in milliseconds; 0 for none. Default 10 s. */
  readonly deadlineMs?: number;
  /** How often an open stream is probed, in milliseconds; 0 for never. Default 30 s: below what most proxies cut. */
  readonly keepaliveMs?: number;
  /** Waits between attempts: of unary calls, of recorders and of subscriptions. */
  readonly retry?: Partial<RetryPolicy>;
  /** The largest answer accepted, in bytes. Default 64 MiB: a full page of large events. */
  readonly maxReceiveBytes?: number;
}

/** PEM texts. */
export interface TlsOptions {
  /** The authorities to trust instead of the system's. */
  readonly ca?: Buffer | string;
  /** The client's own certificate chain and key, for mutual TLS. */
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
  /** The name to expect in the server's certificate, when it is not the address's. */
  readonly serverName?: string;
}

/** Lower-case names; `-bin` values are not supported. */
export type RequestMetadata = Readonly<Record<string, string>>;
