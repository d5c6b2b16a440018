import { appendBatches } from "./append-batches.js";
import { beRefused } from "./be-refused.js";
import { changeGoals } from "./change-goals.js";
import { comeAndGo } from "./come-and-go.js";
import { compareAndSet } from "./compare-and-set.js";
import { follow } from "./follow.js";
import { keepJournal } from "./keep-journal.js";
import { lookAround } from "./look-around.js";
import { readBack } from "./read-back.js";
import { record } from "./record.js";
import { recordOutcomes } from "./record-outcomes.js";
import type { Role } from "./role.js";
import { takeGoals } from "./take-goals.js";

/** Everything a client can do, by name. A new kind of client is a file of its own and a line here. */
export const roles: Readonly<Record<string, Role>> = {
  record,
  "append-batches": appendBatches,
  "change-goals": changeGoals,
  "compare-and-set": compareAndSet,
  "record-outcomes": recordOutcomes,
  "take-goals": takeGoals,
  "read-back": readBack,
  "keep-journal": keepJournal,
  "look-around": lookAround,
  "come-and-go": comeAndGo,
  "be-refused": beRefused,
  follow: (client, options) => follow(client, options, "steady"),
  "follow-and-resume": (client, options) => follow(client, options, "resuming"),
  "follow-slowly": (client, options) => follow(client, options, "slow"),
  "follow-some": (client, options) => follow(client, options, "some"),
};
