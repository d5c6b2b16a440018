/**
 * Room for the answers of one call. What its client has not read is held in memory, and the bytes that a tenant may
 * leave unread are limited. A handler whose answers are large asks for room before it makes the next one.
 */
export interface AnswerRoom {
  /** Names the connection of the call: connections of a tenant take turns where they have to wait. */
  readonly connection: string;
  /** Bytes that are left; 0 when the next answer has to wait. One answer may be larger than what is left. */
  readonly free: number;
  /** Resolves when there may be room again, or when the signal aborts. */
  freed(signal: AbortSignal): Promise<void>;
  /** Counts the next answer from now on, before it is written, as so many bytes. 0 takes that back. */
  reserve(bytes: number): void;
}

/** Reserves room for the next answer, once there is some. Returns without it when the signal aborts. */
export async function reserveRoom(room: AnswerRoom, bytes: number, signal: AbortSignal): Promise<void> {
  room.reserve(0);
  while (room.free === 0 && !signal.aborted) await room.freed(signal);
  if (!signal.aborted) room.reserve(bytes);
}
