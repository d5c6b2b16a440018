import { ActionSelectorService } from "../../../gen/holdfast/v1/action_selector_pb.js";
import { decision } from "../../entities/decision.js";
import { mergeActionSelector, recordOutcome } from "../../service/learning/action-selectors.js";
import { selectAction } from "../../service/learning/select-action.js";
import { Records } from "../../service/records.js";
import { defineService, type RegisteredService } from "../service.js";
import type { ServicesContext } from "./services.js";
import { standardHandlers } from "./standard-handlers.js";

/** Action selectors learn from outcomes and choose; the rest is as with every entity. */
export function actionSelectorService(
  selectors: Records,
  { append, events, records }: ServicesContext,
): RegisteredService {
  const learning = { records: selectors, preparer: append.preparer };
  const choosing = { selectors, decisions: new Records(records, events.codecs.of(decision)) };
  return defineService(ActionSelectorService, {
    ...standardHandlers<typeof ActionSelectorService, "ActionSelector", "ActionSelectors">(
      ActionSelectorService,
      selectors,
      append,
    ),
    recordOutcome: async (request, { principal }) => ({
      actionSelector: await recordOutcome(learning, principal.tenantId, request, principal),
    }),
    selectAction: async (request, { principal, turn }) => {
      const { tenantId } = principal;
      const { scores, ...selection } = await selectAction(choosing, tenantId, request, principal, turn);
      return { ...selection, scores: [...scores] };
    },
    mergeActionSelector: async (request, { principal }) => ({
      actionSelector: await mergeActionSelector(learning, principal.tenantId, request, principal),
    }),
  });
}
