import { ConfigurationService } from "../../../gen/holdfast/v1/configuration_pb.js";
import { refuseViolations } from "../../core/errors.js";
import { checkConfiguration, rollbackConfiguration } from "../../service/configurations.js";
import { toCursor, wrongCursor } from "../../service/cursors.js";
import type { Records } from "../../service/records.js";
import { resolveConfigurations } from "../../service/resolve-configurations.js";
import { watchConfigurations } from "../../service/watch-configurations.js";
import { defineService, type RegisteredService } from "../service.js";
import { audited } from "./audited.js";
import type { ServicesContext } from "./services.js";
import { standardHandlers } from "./standard-handlers.js";

/** Configurations are checked, resolved over their layers, watched and rolled back; the rest is as with every entity. */
export function configurationService(configurations: Records, context: ServicesContext): RegisteredService {
  const { append, events, records, subscription } = context;
  const standard = standardHandlers<typeof ConfigurationService, "Configuration", "Configurations">(
    ConfigurationService,
    configurations,
    append,
  );
  return defineService(ConfigurationService, {
    ...standard,

    async createConfiguration(request, call) {
      if (request.configuration) checkConfiguration(request.configuration, undefined);
      return standard.createConfiguration(request, call);
    },

    async updateConfiguration(request, call) {
      const { configuration, updateMask } = request;
      if (configuration) checkConfiguration(configuration, updateMask?.paths ?? []);
      return standard.updateConfiguration(request, call);
    },

    async rollbackConfiguration(request, call) {
      const by = audited(append.preparer, ConfigurationService.method.rollbackConfiguration, call, {
        target: request.id,
        message: `the configuration was set to what it was at revision ${request.revision}`,
      });
      const { tenantId } = call.principal;
      return {
        configuration: await rollbackConfiguration(records, configurations, tenantId, request, by),
      };
    },

    async resolveConfiguration(request, call) {
      const { configurations, cursor } = await resolveConfigurations(
        events,
        records.maxAnswerBytes,
        call.principal.tenantId,
        request,
        call,
      );
      return { cursor: toCursor(cursor), configurations: [...configurations] };
    },

    async *watchConfigurations(request, { principal, room, signal, draining, ending }) {
      refuseViolations(wrongCursor(request.after, "after"));
      yield* watchConfigurations(subscription, principal.tenantId, request, { room, signal: ending });
      // Ended by the server, not by the caller: UNAVAILABLE makes clients resume elsewhere.
      signal.throwIfAborted();
      draining.throwIfAborted();
    },
  });
}
