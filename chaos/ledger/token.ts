/** Which write: the lane it belongs to and the how manieth of it. */
export interface Token {
  readonly lane: number;
  readonly n: number;
}

const PREFIX = "c4a05000";
const TOKEN = /^c4a05000-([0-9a-f]{4})-4000-8000-([0-9a-f]{12})$/;

/** Lanes that one client may have; its number times this is its first. */
export const LANES_PER_CLIENT = 1000;

/** The id, a UUID, under which a write is sent, however often. */
export function tokenId({ lane, n }: Token): string {
  return `${PREFIX}-${lane.toString(16).padStart(4, "0")}-4000-8000-${n.toString(16).padStart(12, "0")}`;
}

/** What an id names; undefined for one that no client of the harness made. */
export function parseToken(id: string): Token | undefined {
  const match = TOKEN.exec(id);
  if (!match) return undefined;
  return { lane: Number.parseInt(match[1] as string, 16), n: Number.parseInt(match[2] as string, 16) };
}

/** The content of an observation, which can be told from its id: part of it, or another's, shows. */
export function contentOf({ lane, n }: Token): string {
  return `${lane}:${n}:${"kelp and rope ".repeat(2 + ((lane + n) % 9))}`;
}
