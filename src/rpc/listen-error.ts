/** The server cannot listen where it was told to. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  /** Node's code, "EADDRINUSE" for a port that is taken; undefined when it is not known. */
  readonly code: string | undefined;
  readonly host: string;
  readonly port: number;

  constructor(host: string, port: number, cause: unknown) {
    const message = cause instanceof Error ? cause.message : String(cause);
    // grpc-js keeps only the text of Node's error.
    const code = /\bE[A-Z]{3,}\b/.exec(message)?.[0];
    super(`cannot listen on ${formatAddress(host, port)}: ${EXPLANATIONS[code ?? ""] ?? message}`, { cause });
    this.code = code;
    this.host = host;
    this.port = port;
  }
}

const EXPLANATIONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process listens there",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "not permitted",
  ENOTFOUND: "no such host",
};

/** `host:port`, an IPv6 host in brackets. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
