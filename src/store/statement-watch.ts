import type { Primary } from "./primary.js";
import { PrimaryClient } from "./primary-client.js";

/**
 * Asks Postgres whether a statement of another connection is under way there. It uses a connection of its own, which is
 * open only while somebody asks.
 */
export class StatementWatch {
  readonly #primary: Primary;
  readonly #statement: string;
  #client: PrimaryClient | undefined;

  /** @param statement the whole text, as no other connection sends it. */
  constructor(primary: Primary, statement: string) {
    this.#primary = primary;
    this.#statement = statement;
  }

  /** Whether it is under way. @throws when Postgres does not answer; the next call takes another connection. */
  async isUnderWay(): Promise<boolean> {
    try {
      if (!this.#client) {
        this.#client = new PrimaryClient(this.#primary, {
          application_name: "holdfast probe",
          keepAlive: true,
        });
        await this.#client.connect();
      }
      const { rows } = await this.#client.query<[boolean]>({
        text: UNDER_WAY,
        values: [this.#statement],
        rowMode: "array",
      });
      return rows[0]?.[0] === true;
    } catch (error) {
      this.disconnect();
      throw error;
    }
  }

  disconnect(): void {
    this.#client?.cut();
    this.#client = undefined;
  }
}

// Where Postgres does not track what sessions do, it is taken to be: nothing is begun again on a guess.
const UNDER_WAY = `
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query = $1 AND state <> 'idle')
  OR current_setting('track_activities') = 'off'`;
