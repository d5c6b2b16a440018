/** What a client process is told when it starts. */
export interface ClientOptions {
  /** Its number; no two of a run are alike. */
  readonly client: number;
  readonly roles: readonly RoleOptions[];
  /** "host:port" of each way to the servers. */
  readonly addresses: readonly string[];
  /** Where its ledger goes. */
  readonly ledger: string;
  readonly seed: number;
}

/** One thing a client does, over and over, until it is stopped. */
export interface RoleOptions {
  readonly role: string;
  readonly tenant: string;
  /** Which of the addresses it uses. */
  readonly address: number;
  /** Writes a second, where a role goes by that. */
  readonly perSecond?: number;
  /** The lane of the process that this one comes after, where one takes over from the other. */
  readonly continues?: number;
}

/** What the harness tells a client: no new writes; then, to those who follow, where the logs ended. */
export type ClientMessage =
  | { readonly do: "stop" }
  | { readonly do: "finish"; readonly heads: Readonly<Record<string, number>> };

/** What a client answers once its last write is settled. */
export type ClientAnswer = { readonly stopped: true };
