import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { ActionSelectorService } from "../../gen/holdfast/v1/action_selector_pb.js";
import { GoalService, GoalStatus } from "../../gen/holdfast/v1/goal_pb.js";
import { MemoryService, MemoryType } from "../../gen/holdfast/v1/memory_pb.js";
import { SessionService } from "../../gen/holdfast/v1/session_pb.js";
import { storedFields } from "../../src/entities/columns.js";
import { entities } from "../../src/entities/registry.js";
import { session as sessionEntity } from "../../src/entities/session.js";
import { entityClient, type Fields } from "./entity-client.js";
import { freelyUpdatable, sample } from "./entity-samples.js";
import { payload } from "./entries.js";
import { present, type Tenant } from "./tenant.js";

/** Payloads that come out changed wherever one is parsed and written again. */
const HOSTILE: readonly (string | Uint8Array)[] = [
  '{"a":NaN,"b":-Infinity}',
  String.raw`{"a":"\u0000","b":"\ud800","c":"\udc00\ud83d"}`,
  "[9223372036854775809,1e400,0.1000,1E5,-0,-0.0,1.0]",
  '{"z":1,"a":2,"a":1,"__proto__":3}',
  ' \r\n\t{"a" :\n1}\n ',
  "null",
  '""',
  "\\x6162",
  String.raw`\N`,
  "a\tb\\n\\.\n\\.\n",
  "no JSON: \u2028\u2029 \ufeff 💥",
  Buffer.from([0, 1, 0x22, 0xff, 0xfe, 0xc0, 0x80, 10, 13, 9, 92]),
  Uint8Array.from({ length: 256 }, (_, i) => i),
  "[".repeat(700) + "]".repeat(700),
  "",
];

/** Text that means something to COPY, JSON or a terminal. */
const TEXTS = [
  "\\N",
  "\\.",
  "tab\there",
  "line\nbreak\r\n",
  '"quoted" \\ back',
  "é💥\u2028",
  "\u0001\u001b[31m",
  " ",
];

const pick = fc.nat({ max: 10_000 });

/** What a tenant is put through, step by step; every number means something else to each step. */
export const steps = fc.array(fc.tuple(pick, pick, pick), { minLength: 10, maxLength: 40 });

/**
 * Writes a log with something of every entity and every kind of change: forks,
 * leases, deletions, effects of changes on other things, refused calls.
 *
 * @returns the sessions it made
 */
export async function keepBusy(
  tenant: Tenant,
  plan: readonly (readonly [number, number, number])[],
): Promise<string[]> {
  const sessions = [(await tenant.open({ agentId: "agent-0", metadata: payload(HOSTILE[1] ?? "") })).id];
  const things = new Map<(typeof entities)[number], string[]>(entities.map((entity) => [entity, []]));
  const create = async (entity: (typeof entities)[number], a: number, b: number) => {
    const fields: Fields = {
      ...sample(entity, 1 + (a % 5)),
      sessionId: entity === sessionEntity ? "" : sessionOf(sessions, b),
    };
    for (const { field, kind } of storedFields(entity)) {
      const name = field.localName;
      if (kind === "payload") {
        const type = ["application/json", "", "text/plain", "application/x+json"][b % 4] ?? "";
        fields[name] = payload(HOSTILE[(a + b) % HOSTILE.length] ?? "", type);
      }
      if (kind === "text" && !entity.uniqueKey?.includes(field.name))
        fields[name] = TEXTS[(a + b) % TEXTS.length];
    }
    if (entity === sessionEntity) delete fields.sessionId;
    if (entity.name === "configuration") {
      // Without these any value will do.
      for (const name of ["schema", "valueType"]) delete fields[name];
      fields.isSecret = a % 3 === 0;
    }
    const made = await entityClient(entity, tenant.rpc).create(fields);
    things.get(entity)?.push(made.id as string);
    if (entity === sessionEntity) sessions.push(made.id as string);
  };
  for (const [i, entity] of entities.entries()) await create(entity, i, i);
  for (const [step, a, b] of plan) await attempt(() => perform(tenant, things, sessions, create, step, a, b));
  return sessions;
}

async function perform(
  tenant: Tenant,
  things: ReadonlyMap<(typeof entities)[number], string[]>,
  sessions: string[],
  create: (entity: (typeof entities)[number], a: number, b: number) => Promise<void>,
  step: number,
  a: number,
  b: number,
): Promise<void> {
  const entity = present(entities[a % entities.length]);
  const ids = present(things.get(entity));
  const id = present(ids[b % ids.length]);
  const of = (name: string) => present([...things].find(([each]) => each.name === name))[1];
  const client = entityClient(entity, tenant.rpc);
  switch (step % 10) {
    case 0:
    case 1:
      return create(entity, b, a);
    case 2: {
      const fields = freelyUpdatable(entity).filter((_, i) => (b >> (i % 12)) % 2 === 0);
      const values = sample(entity, 1 + (b % 7));
      const record = Object.fromEntries(fields.map(({ localName }) => [localName, values[localName]]));
      await client.update?.(
        { id, ...record },
        fields.map(({ name }) => name),
        { requestId: randomUUID() },
      );
      return;
    }
    case 3:
      await client.delete?.(id);
      return;
    case 4: {
      const fork = await tenant.rpc.unary(SessionService.method.forkSession, {
        sessionId: sessionOf(sessions, b),
        session: {},
      });
      sessions.push(present(fork.session).id);
      return;
    }
    case 5:
      await tenant.rpc.unary(GoalService.method.nextGoal, {
        agentId: "worker",
        leaseDuration: { seconds: 60n },
      });
      return;
    case 6: {
      const goals = of("goal");
      const goal = {
        id: present(goals[b % goals.length]),
        status: a % 2 ? GoalStatus.COMPLETED : GoalStatus.IN_PROGRESS,
      };
      await tenant.rpc.unary(GoalService.method.updateGoal, { goal, updateMask: { paths: ["status"] } });
      return;
    }
    case 7: {
      const parentGoalId = present(of("goal")[0]);
      const made = await entityClient(
        present(entities.find(({ name }) => name === "goal")),
        tenant.rpc,
      ).create({
        title: "part",
        parentGoalId,
        dependsOn: of("goal").slice(1, 2),
      });
      of("goal").push(made.id as string);
      return;
    }
    case 8:
      of("memory").push(await rememberAndFind(tenant));
      return;
    default:
      await tenant.rpc.unary(ActionSelectorService.method.recordOutcome, {
        id: present(of("action_selector")[0]),
        action: `action ${b % 3}`,
        score: (b % 10) / 10,
      });
  }
}

/** Keeps a memory, finds it, and waits for that to be noted, which is done some time after. */
async function rememberAndFind(tenant: Tenant): Promise<string> {
  const made = await tenant.rpc.unary(MemoryService.method.createMemory, {
    memory: { type: MemoryType.SEMANTIC, content: "kelp holds fast to the rock" },
  });
  const id = present(made.memory).id;
  await tenant.rpc.unary(MemoryService.method.searchMemories, { text: "kelp rock" });
  for (let isSeen = false; !isSeen; await delay(10)) {
    const { memory } = await tenant.rpc.unary(MemoryService.method.getMemory, {
      key: { case: "id", value: id },
    });
    isSeen = memory?.accessTime !== undefined;
  }
  return id;
}

function sessionOf(sessions: readonly string[], n: number): string {
  return n % 3 === 0 ? "" : (sessions[n % sessions.length] ?? "");
}

/** Whatever the state does not allow is refused, which is part of a busy life. */
async function attempt(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!/INVALID_ARGUMENT|NOT_FOUND|FAILED_PRECONDITION|ALREADY_EXISTS/.test((error as Error).message))
      throw error;
  }
}
