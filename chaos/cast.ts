import { randomUUID } from "node:crypto";
import type { RoleOptions } from "./clients/client-options.js";
import type { Random } from "./random.js";
import type { Stage } from "./stage/stage.js";

/** Of the writes a second, what each of the large tenant's recorders makes; the small tenant gets the rest. */
const RECORDERS = 3;
const SMALL_SHARE = 0.05;

/**
 * Starts the clients of a run: of two tenants, by both ways; writers, those who follow, and one with a journal apart.
 *
 * @param only roles to play; all when absent.
 */
export function startClients(
  stage: Stage,
  random: Random,
  perSecond: number,
  only?: readonly string[],
): void {
  const [large, small] = [randomUUID(), randomUUID()];
  const recorder = (address: number): RoleOptions => ({
    role: "record",
    tenant: large,
    address,
    perSecond: (perSecond * (1 - SMALL_SHARE)) / RECORDERS,
  });
  const changing = (address: number): RoleOptions[] => [
    { role: "append-batches", tenant: large, address },
    { role: "change-goals", tenant: large, address },
    { role: "compare-and-set", tenant: large, address },
    { role: "record-outcomes", tenant: large, address },
    { role: "take-goals", tenant: large, address },
    { role: "read-back", tenant: address === 0 ? large : small, address },
  ];
  const clients: readonly (readonly RoleOptions[])[] = [
    [recorder(0), recorder(0), ...changing(0)],
    [
      recorder(1),
      { role: "record", tenant: small, address: 1, perSecond: perSecond * SMALL_SHARE },
      ...changing(1),
    ],
    [
      { role: "follow", tenant: large, address: 0 },
      { role: "follow-and-resume", tenant: large, address: 1 },
      { role: "follow-slowly", tenant: large, address: 1 },
      { role: "follow-some", tenant: large, address: 0 },
      { role: "follow", tenant: small, address: 1 },
      { role: "follow-and-resume", tenant: small, address: 0 },
    ],
    [{ role: "keep-journal", tenant: large, address: 0 }],
  ];
  const playing = clients
    .map((roles) => roles.filter(({ role }) => only === undefined || only.includes(role)))
    .filter((roles) => roles.length > 0);
  for (const roles of playing) stage.startClient({ roles, seed: random.between(0, 2 ** 31) });
}
