import { actionSelector } from "../../entities/action-selector.js";
import { configuration } from "../../entities/configuration.js";
import { crossSessionPattern } from "../../entities/cross-session-pattern.js";
import { decision } from "../../entities/decision.js";
import type { EntityDeclaration } from "../../entities/declaration.js";
import { goal } from "../../entities/goal.js";
import { learningSystem } from "../../entities/learning-system.js";
import { memory } from "../../entities/memory.js";
import { session } from "../../entities/session.js";
import type { AppendLatencyRecord } from "../../service/append-latency.js";
import type { MemorySearchContext } from "../../service/memories/memory-search.js";
import { Records, type RecordsContext } from "../../service/records.js";
import type { StorageContext } from "../../service/storage-info.js";
import type { Scans } from "../../workers/scans.js";
import type { WorkerPool } from "../../workers/worker-pool.js";
import type { RegisteredService } from "../service.js";
import { actionSelectorService } from "./action-selector-service.js";
import { adminService } from "./admin-service.js";
import { configurationService } from "./configuration-service.js";
import { crossSessionPatternService } from "./cross-session-pattern-service.js";
import { decisionService } from "./decision-service.js";
import { type EventServiceContext, eventService } from "./event-service.js";
import type { ExportFiles } from "./export-files.js";
import { goalService } from "./goal-service.js";
import type { ImportFiles } from "./import-files.js";
import { learningSystemService } from "./learning-system-service.js";
import { memoryService } from "./memory-service.js";
import { sessionService } from "./session-service.js";
import { standardService } from "./standard-service.js";

export type ServicesContext = EventServiceContext & {
  readonly workers: WorkerPool;
  readonly scans: Scans;
  readonly records: RecordsContext;
  readonly storage: StorageContext;
  readonly appendLatency: AppendLatencyRecord;
  readonly memorySearch: Omit<MemorySearchContext, "workers" | "scans">;
  readonly importFiles: ImportFiles;
  readonly exportFiles: ExportFiles;
};

/** Makes the service of an entity that has methods beyond the standard ones. */
export type SpecialService = (records: Records, context: ServicesContext) => RegisteredService;

const special: ReadonlyMap<EntityDeclaration, SpecialService> = new Map<EntityDeclaration, SpecialService>([
  [session, sessionService],
  [configuration, configurationService],
  [decision, decisionService],
  [goal, goalService],
  [memory, memoryService],
  [actionSelector, actionSelectorService],
  [learningSystem, learningSystemService],
  [crossSessionPattern, crossSessionPatternService],
]);

/** Every service of a server: one for each entity, the log, administration. */
export function services(context: ServicesContext): readonly RegisteredService[] {
  const { append, events } = context;
  return [
    ...events.codecs.all.map((codec) => {
      const records = new Records(context.records, codec);
      const make = special.get(codec.entity);
      return make ? make(records, context) : standardService(records, append);
    }),
    eventService(context),
    adminService(context),
  ];
}
