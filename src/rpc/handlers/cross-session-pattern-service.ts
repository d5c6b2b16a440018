import {
  CrossSessionPatternFilterSchema,
  CrossSessionPatternService,
} from "../../../gen/holdfast/v1/cross_session_pattern_pb.js";
import { SessionFilterSchema } from "../../../gen/holdfast/v1/session_pb.js";
import { session } from "../../entities/session.js";
import { minePatterns } from "../../service/learning/mine-patterns.js";
import { recordPatternUse } from "../../service/learning/pattern-use.js";
import { queryPatterns } from "../../service/learning/query-patterns.js";
import { createListFilter } from "../../service/list-filter.js";
import type { Records } from "../../service/records.js";
import { defineService, type RegisteredService } from "../service.js";
import type { ServicesContext } from "./services.js";
import { standardHandlers } from "./standard-handlers.js";

/** Patterns are used, ranked and mined; the rest is as with every entity. */
export function crossSessionPatternService(
  patterns: Records,
  { append, events, records, workers, scans }: ServicesContext,
): RegisteredService {
  const { appender, preparer } = append;
  const { database, codecs } = events;
  const { codec } = patterns;
  const sessionCodec = codecs.of(session);
  const filter = createListFilter(codec, CrossSessionPatternFilterSchema);
  const querying = { database, codec, filter, maxAnswerBytes: records.maxAnswerBytes };
  const sessionFilter = createListFilter(sessionCodec, SessionFilterSchema);
  const mining = { database, appender, preparer, patterns, sessionCodec, sessionFilter, workers, scans };
  return defineService(CrossSessionPatternService, {
    ...standardHandlers<typeof CrossSessionPatternService, "CrossSessionPattern", "CrossSessionPatterns">(
      CrossSessionPatternService,
      patterns,
      append,
    ),
    recordPatternUse: async (request, { principal }) => ({
      crossSessionPattern: await recordPatternUse(
        { records: patterns, preparer },
        principal.tenantId,
        request,
        principal,
      ),
    }),
    queryPatterns: async (request, call) => ({
      patterns: [...(await queryPatterns(querying, call.principal.tenantId, request, call))],
    }),
    minePatterns: async (request, call) => {
      const { tenantId } = call.principal;
      const mined = await minePatterns(mining, tenantId, request, call.principal, call);
      return {
        sessionCount: BigInt(mined.sessionCount),
        createdCount: mined.createdCount,
        updatedCount: mined.updatedCount,
        patterns: mined.patterns.map(({ support, occurrences, actions, ...pattern }) => ({
          ...pattern,
          actions: [...actions],
          support: BigInt(support),
          occurrences: BigInt(occurrences),
        })),
      };
    },
  });
}
