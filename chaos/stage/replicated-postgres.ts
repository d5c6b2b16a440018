import { readdirSync } from "node:fs";
import type { NetConnectOpts } from "node:net";
import { join } from "node:path";
import { NetworkProxy } from "./network-proxy.js";
import { PostgresMember } from "./postgres-member.js";
import { untilTrue } from "./until-true.js";

/** A standby and the connection by which it receives what its primary writes. */
export interface Standby {
  readonly member: PostgresMember;
  readonly upstream: NetworkProxy;
}

const DIRECTORY = /^postgres(-\d+)?$/;

/**
 * The Postgres of a run: a primary and, where asked for, a standby that each COMMIT waits for. Both have a place, under
 * which servers know them. A standby that was promoted keeps its place; a new one takes the other.
 */
export class ReplicatedPostgres {
  readonly #root: string;
  readonly #log: string;
  readonly #places: (PostgresMember | undefined)[] = [];
  /** By their number in the run; those that are gone as well. */
  readonly #members: PostgresMember[] = [];
  #primary: PostgresMember;
  #standby: Standby | undefined;

  private constructor(root: string, log: string, primary: PostgresMember, number: number) {
    this.#root = root;
    this.#log = log;
    this.#members[number] = primary;
    this.#primary = primary;
    this.#places[0] = primary;
  }

  /**
   * Starts one alone, the primary.
   *
   * @param root where the data of each has a directory.
   * @param log where the harness says what it does with them.
   * @param number which one of the run it is, made when it is not there.
   */
  static async start(root: string, log: string, number = 0): Promise<ReplicatedPostgres> {
    const primary = await PostgresMember.start(directoryOf(root, number), log);
    return new ReplicatedPostgres(root, log, primary, number);
  }

  /** Of the data of all that were started in the run, whether they run or not. */
  get directories(): readonly string[] {
    return readdirSync(this.#root)
      .filter((name) => DIRECTORY.test(name))
      .map((name) => join(this.#root, name));
  }

  /** Starts one that is no member any more, to read what it had. Its caller closes it. */
  startLost(number: number): Promise<PostgresMember> {
    return PostgresMember.start(directoryOf(this.#root, number), this.#log);
  }

  get primaryNumber(): number {
    return this.#members.indexOf(this.#primary);
  }

  get primary(): PostgresMember {
    return this.#primary;
  }

  /** @throws when there is none. */
  get standby(): Standby {
    if (!this.#standby) throw new Error("expected a run with a standby");
    return this.#standby;
  }

  get hasStandby(): boolean {
    return this.#standby !== undefined;
  }

  /** For a proxy: where the server with this place listens, nowhere if there is none. */
  addresses(place: number): readonly NetConnectOpts[] {
    const member = this.#places[place];
    return member ? [member.address] : [];
  }

  /** As many as servers are told of. */
  get places(): readonly number[] {
    return this.#standby ? [0, 1] : [0];
  }

  /** Makes a standby of a fresh copy; resolves when each COMMIT waits for it. */
  async addStandby(): Promise<void> {
    const primary = this.#primary;
    const number = this.#members.length;
    const directory = directoryOf(this.#root, number);
    await primary.copyTo(directory);
    const upstream = await NetworkProxy.start(() => [primary.address]);
    const name = `standby_${number}`;
    const member = await PostgresMember.start(directory, this.#log, {
      primary_conninfo: `host=127.0.0.1 port=${upstream.port} user=postgres sslmode=disable application_name=${name}`,
    });
    this.#members[number] = member;
    this.#places[this.#places.indexOf(primary) === 0 ? 1 : 0] = member;
    this.#standby = { member, upstream };
    await this.waitForStandby(true);
  }

  /** Whether each COMMIT is to wait for the standby. Resolves when it is so. */
  async waitForStandby(waits: boolean): Promise<void> {
    // A COMMIT would wait as well for one that is still behind.
    if (waits) await this.#untilStandby("state = 'streaming'");
    await this.#primary.query(
      waits
        ? "ALTER SYSTEM SET synchronous_standby_names = '*'"
        : "ALTER SYSTEM RESET synchronous_standby_names",
    );
    await this.#primary.query("SELECT pg_reload_conf()");
    await this.#untilStandby(waits ? "state = 'streaming' AND sync_state = 'sync'" : "sync_state = 'async'");
  }

  async #untilStandby(is: string): Promise<void> {
    const asked = `SELECT count(*) > 0 FROM pg_stat_replication WHERE ${is}`;
    await untilTrue(() => this.#primary.query(asked), `there is no standby of which ${is}`);
  }

  /**
   * Makes the standby the primary, in whatever state the primary is; returns that. A COMMIT waits for nobody until
   * another standby is added.
   */
  async promote(): Promise<PostgresMember> {
    const before = this.#primary;
    const { member, upstream } = this.standby;
    await member.query("SELECT pg_promote()");
    upstream.close();
    this.#primary = member;
    this.#standby = undefined;
    return before;
  }

  async close(): Promise<void> {
    this.#standby?.upstream.close();
    // The standby first: a primary that stops waits until it has everything.
    await this.#standby?.member.close();
    for (const member of this.#places) await member?.close();
  }
}

function directoryOf(root: string, number: number): string {
  return join(root, number === 0 ? "postgres" : `postgres-${number}`);
}
