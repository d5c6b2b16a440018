import type { ServerHttp2Session } from "node:http2";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";

/** Milliseconds a ping may wait to be sent. A client that reads at all makes room for it. */
const UNSENT_MS = 5000;
const PING = Buffer.alloc(8);
/** Pings sent in one turn of the event loop. */
const PINGS_A_TURN = 256;

/**
 * Closes the sessions that send nothing more. Returns how many.
 *
 * Node 20 does not notice that a client has gone whose frames ended the HTTP/2 session (data of stream 0, for one). Such
 * a session sends nothing more, which a ping tells.
 */
export async function closeDeadSessions(sessions: readonly ServerHttp2Session[]): Promise<number> {
  for (const [i, session] of sessions.entries()) {
    if (!session.destroyed) session.ping(PING, () => undefined);
    if (i % PINGS_A_TURN === PINGS_A_TURN - 1) await nextTurn();
  }
  await delay(UNSENT_MS, undefined, { ref: false });
  const dead = sessions.filter((session) => !session.destroyed && (session.state.outboundQueueSize ?? 0) > 0);
  for (const session of dead) session.destroy();
  return dead.length;
}
