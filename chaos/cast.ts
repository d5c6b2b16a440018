import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { ClientOptions, RoleOptions } from "./clients/client-options.js";
import type { Random } from "./random.js";
import { ClientProcess } from "./stage/client-process.js";
import type { Stage } from "./stage/stage.js";

/** Of the writes a second, what each of the large tenant's recorders makes; the small tenant gets the rest. */
const RECORDERS = 3;
const SMALL_SHARE = 0.05;

/**
 * Starts the clients of a run: of two tenants, by both ways, writers and those who follow apart.
 *
 * @param only roles to play; all when absent.
 */
export function startClients(
  stage: Stage,
  random: Random,
  perSecond: number,
  only?: readonly string[],
): readonly ClientProcess[] {
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
  ];
  const playing = clients
    .map((roles) => roles.filter(({ role }) => only === undefined || only.includes(role)))
    .filter((roles) => roles.length > 0);
  return playing.map((roles, client) => {
    const options: ClientOptions = {
      client,
      roles,
      addresses: stage.addresses,
      ledger: join(stage.directory, `client-${client}.jsonl`),
      seed: random.between(0, 2 ** 31),
    };
    return new ClientProcess(options, join(stage.directory, `client-${client}.log`));
  });
}
