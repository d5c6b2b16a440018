import { ErrorReason } from "../../../gen/holdfast/v1/error_pb.js";
import { HoldfastError } from "../../core/errors.js";

type Tell = (told: unknown) => void;

export function countTo(last: number, tell: Tell): number {
  for (let i = 1; i <= last; i += 1) tell(i);
  return last;
}

export function refuse(message: string): never {
  const details = { metadata: { limit: "1" }, retryAfterMs: 7 };
  throw new HoldfastError(ErrorReason.OVERLOADED, message, details);
}

export function fillDisk(): never {
  throw Object.assign(new Error("no space"), { code: "ENOSPC" });
}

/** Runs until it is ended, having told its process id. */
export function work(_argument: undefined, tell: Tell): Promise<never> {
  tell(process.pid);
  setInterval(() => {}, 1000);
  return new Promise(() => {});
}

/** Large arrays at once: V8 cannot end a thread that does this before its memory is full. */
export function hoardArrays(): never {
  const hoard: number[][] = [];
  for (;;) hoard.push(new Array<number>(3_000_000).fill(0.5));
}

export function vanish(): never {
  process.exit(3);
}

/** Names of what the process was given as its environment, without what the channel to its server is told by. */
export function environmentNames(): readonly string[] {
  return Object.keys(process.env)
    .filter((name) => !name.startsWith("NODE_CHANNEL_"))
    .sort();
}
