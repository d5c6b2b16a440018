import { createHash } from "node:crypto";

/** What an agent can do about a ticket. Which of it helps is for the agent to find out. */
export const TOOLS = [
  "search_help",
  "query_orders",
  "query_billing",
  "ask_carrier",
  "reset_account",
] as const;
export type Tool = (typeof TOOLS)[number];

/** How an agent can reach a customer; each customer answers on one of them. */
export type Channel = "email" | "phone" | "chat";

/** One thing to be solved for one customer. */
export interface Ticket {
  /** Names it within its world: "2/07" is the seventh of session 2. */
  readonly number: string;
  readonly kind: string;
  readonly customer: string;
}

/** What came of an attempt. */
export interface Outcome {
  readonly solved: boolean;
  /** In words, as a tool would answer. */
  readonly report: string;
  /** What the customer lets slip on being contacted. */
  readonly preferredChannel: Channel;
}

/** How likely each tool solves a ticket of a kind, in the order of TOOLS. Agents never see it. */
const ODDS: Readonly<Record<string, readonly number[]>> = {
  "late parcel": [0.15, 0.3, 0.1, 0.95, 0.05],
  "wrong invoice": [0.2, 0.3, 0.95, 0.05, 0.1],
  "lost password": [0.3, 0.05, 0.1, 0.05, 0.95],
  "how-to question": [0.95, 0.1, 0.15, 0.05, 0.2],
};
/** What is left of those odds where the customer is not reached. */
const UNREACHED = 0.5;

const PREFERRED_CHANNELS: Readonly<Record<string, Channel>> = {
  "Mara Lind": "email",
  "Tom Okafor": "phone",
  "Ines Ruiz": "chat",
  "Yuki Sato": "email",
  "Paul Weber": "phone",
  "Lea Novak": "chat",
  "Omar Haddad": "email",
  "Nina Berg": "phone",
  "Raj Patel": "chat",
};

/** The kinds of ticket there are. */
export const KINDS: readonly string[] = Object.keys(ODDS);
const CUSTOMERS = Object.keys(PREFERRED_CHANNELS);

/** A help desk in which the same seed makes the same tickets, and the same attempt ends the same way. */
export class World {
  readonly #seed: string;

  constructor(seed: string) {
    this.#seed = seed;
  }

  /** The tickets of one session, every kind as often. */
  tickets(session: number, count: number): readonly Ticket[] {
    return Array.from({ length: count }, (_, index) => {
      const number = `${session}/${String(index + 1).padStart(2, "0")}`;
      const customer = CUSTOMERS[Math.floor(this.chance(number, "customer") * CUSTOMERS.length)] as string;
      return { number, kind: KINDS[index % KINDS.length] as string, customer };
    });
  }

  attempt({ number, kind, customer }: Ticket, tool: Tool, channel: Channel): Outcome {
    const preferredChannel = PREFERRED_CHANNELS[customer] ?? "email";
    const isReached = channel === preferredChannel;
    const odds = this.odds(kind, tool) * (isReached ? 1 : UNREACHED);
    const solved = this.chance(number, tool, channel) < odds;
    const reached = isReached ? `reached ${customer}` : `${customer} hardly answers by ${channel}`;
    return {
      solved,
      report: `${tool} ${solved ? "solved it" : "did not help"}; ${reached}`,
      preferredChannel,
    };
  }

  /** What the agents do not know, to compare with what they learn. */
  odds(kind: string, tool: Tool): number {
    return ODDS[kind]?.[TOOLS.indexOf(tool)] ?? 0;
  }

  /** A number from 0 up to 1 that follows from the seed and its name. */
  chance(...name: readonly string[]): number {
    const hash = createHash("sha256")
      .update([this.#seed, ...name].join("\n"))
      .digest();
    return hash.readUInt32BE(0) / 2 ** 32;
  }
}
