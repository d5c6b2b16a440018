import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** Writes files as an older agent would have left them: half of the records actions, half observations. */
export async function writeOldAgent(folder: string, records: number): Promise<void> {
  const state = join(folder, ".agent_state");
  await mkdir(state, { recursive: true });
  const each = Math.ceil(records / 2);
  await write(join(state, "actions.json"), each, (i) => ({
    id: `act_${i}`,
    goal_id: `goal_${i % 100}`,
    type: "web_search",
    description: `load ${i}`,
    parameters: { q: `query ${i}`, k: i, nested: { a: [1, 2.5, null, true] } },
    status: "completed",
    result: { r: `plain ${i}` },
    success_score: 0.5,
  }));
  await write(join(state, "observations.json"), each, (i) => ({
    id: `obs_${i}`,
    action_id: `act_${i}`,
    goal_id: `goal_${i % 100}`,
    content: `plain result number ${i} of the run`,
    type: "result",
    metadata: { latency_ms: i / 7, tokens: i },
    success: i % 3 === 0,
  }));
}

async function write(path: string, count: number, record: (i: number) => object): Promise<void> {
  function* lines() {
    for (let i = 0; i < count; i += 1) yield `${i === 0 ? "[" : ","}\n${JSON.stringify(record(i), null, 2)}`;
    yield "]\n";
  }
  await pipeline(Readable.from(lines()), createWriteStream(path));
}
