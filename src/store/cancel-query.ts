import { connect } from "node:net";
import type pg from "pg";

// CancelRequest of the protocol: its length, its code, which process, and the key that allows it.
const MESSAGE_BYTES = 16;
const CANCEL_CODE = 80_877_102;
const TIMEOUT_MS = 2_000;

interface ClientInternals {
  readonly host: string;
  readonly port: number;
  readonly processID: number | null;
  readonly secretKey: number | null;
}

/**
 * Asks the server to end what this connection runs, on a connection of its own, as PgBouncer passes it on too. Only for what
 * reads: a COMMIT that is cancelled while it waits for a synchronous standby is committed on the primary alone.
 *
 * @returns whether the server has dealt with it, or was not asked: then what the connection is sent from now on is not hit.
 */
export function cancelQuery(client: pg.PoolClient): Promise<boolean> {
  const { host, port, processID, secretKey } = client as unknown as ClientInternals;
  if (processID === null || secretKey === null) return Promise.resolve(true);
  const message = Buffer.alloc(MESSAGE_BYTES);
  message.writeInt32BE(MESSAGE_BYTES, 0);
  message.writeInt32BE(CANCEL_CODE, 4);
  message.writeInt32BE(processID, 8);
  message.writeInt32BE(secretKey, 12);
  const target = host.startsWith("/") ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
  return new Promise((resolve) => {
    let wasAsked = false;
    let hasAnswered = false;
    const socket = connect(target, () => {
      wasAsked = true;
      socket.write(message);
    });
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy());
    // The server answers by closing.
    socket.on("end", () => {
      hasAnswered = true;
    });
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.on("close", () => resolve(hasAnswered || !wasAsked));
  });
}
