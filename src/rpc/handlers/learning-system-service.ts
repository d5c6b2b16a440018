import { create } from "@bufbuild/protobuf";
import { LearningGoalSchema, LearningSystemService } from "../../../gen/holdfast/v1/learning_system_pb.js";
import { pageSize } from "../../core/page-token.js";
import { checkGoal } from "../../service/learning/goal-words.js";
import { getLearned, recordEpisode } from "../../service/learning/learning-systems.js";
import { bestStrategies, suggestStrategies } from "../../service/learning/rank-strategies.js";
import { RequestCheck } from "../../service/learning/request-check.js";
import type { Records } from "../../service/records.js";
import { defineService, type RegisteredService } from "../service.js";
import type { ServicesContext } from "./services.js";
import { standardHandlers } from "./standard-handlers.js";

/** Learning systems learn from episodes and suggest strategies; the rest is as with every entity. */
export function learningSystemService(systems: Records, { append }: ServicesContext): RegisteredService {
  const learning = { records: systems, preparer: append.preparer };
  return defineService(LearningSystemService, {
    ...standardHandlers<typeof LearningSystemService, "LearningSystem", "LearningSystems">(
      LearningSystemService,
      systems,
      append,
    ),
    recordEpisode: async (request, { principal }) => ({
      learningSystem: await recordEpisode(learning, principal.tenantId, request, principal),
    }),
    listBestStrategies: async (request, { principal }) => {
      const learned = await getLearned(systems, principal.tenantId, request);
      const minSupport = request.minSupport || 1n;
      return { strategies: [...bestStrategies(learned, minSupport, pageSize(request.limit))] };
    },
    suggestStrategies: async (request, { principal }) => {
      const check = new RequestCheck();
      if (request.goal) checkGoal(check, request.goal);
      check.done();
      const learned = await getLearned(systems, principal.tenantId, request);
      const goal = request.goal ?? create(LearningGoalSchema);
      return { suggestions: [...suggestStrategies(learned, goal, pageSize(request.limit))] };
    },
  });
}
