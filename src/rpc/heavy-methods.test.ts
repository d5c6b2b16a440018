import { expect, test } from "vitest";
import { AdminService } from "../../gen/holdfast/v1/admin_pb.js";
import { ConfigurationService } from "../../gen/holdfast/v1/configuration_pb.js";
import { CrossSessionPatternService } from "../../gen/holdfast/v1/cross_session_pattern_pb.js";
import { DecisionService } from "../../gen/holdfast/v1/decision_pb.js";
import { EventService } from "../../gen/holdfast/v1/event_pb.js";
import { GoalService } from "../../gen/holdfast/v1/goal_pb.js";
import { LearningSystemService } from "../../gen/holdfast/v1/learning_system_pb.js";
import { MemoryService } from "../../gen/holdfast/v1/memory_pb.js";
import { ObservationService } from "../../gen/holdfast/v1/observation_pb.js";
import { isHeavy } from "./heavy-methods.js";

test.each([
  [AdminService, ["GetStateAt", "GetStatistics", "GetStorageInfo"]],
  [EventService, ["ListEvents"]],
  [ObservationService, ["BatchGetObservations", "ListObservations"]],
  [DecisionService, ["ListDecisions", "ExplainAction"]],
  [MemoryService, ["BatchGetMemories", "ListMemories", "SearchMemories", "ListMemoryRevisions"]],
  [GoalService, ["BatchGetGoals", "ListGoals", "ListGoalRevisions"]],
  [ConfigurationService, ["ListConfigurations", "ListConfigurationRevisions", "ResolveConfiguration"]],
  [
    CrossSessionPatternService,
    ["ListCrossSessionPatterns", "ListCrossSessionPatternRevisions", "QueryPatterns", "MinePatterns"],
  ],
  [
    LearningSystemService,
    ["ListLearningSystems", "ListLearningSystemRevisions", "ListBestStrategies", "SuggestStrategies"],
  ],
])("of %s the methods that read many things are heavy, and no others", (service, heavy) => {
  expect(service.methods.filter(isHeavy).map(({ name }) => name)).toEqual(heavy);
});
