import type { Hub } from "../../../src/service/hub.js";
import type { Database } from "../../../src/store/database.js";
import type { Guarantee } from "../../checks/guarantee.js";

/** What is put around the parts of a server under test, by name. */
export interface Alteration {
  readonly name: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** SQL that makes the schema as it would have it. */
  readonly schema?: readonly string[];
  readonly database?: (database: Database) => Database;
  readonly hub?: (hub: Hub) => Hub;
}

/** A classic bug, put into a server under test so that the harness can show that it finds it. */
export interface Bug extends Alteration {
  /** The validator that must name it. */
  readonly breaks: Guarantee;
  /** The faults under which it shows. */
  readonly faults: readonly string[];
  /** The roles of clients that meet it: the fewer, the sooner a small machine has it. */
  readonly roles: readonly string[];
}
