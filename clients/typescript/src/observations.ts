import { ObservationService } from "../../../gen/holdfast/v1/observation_pb.js";
import { entityClient } from "./entity/entity-client.js";
import type { SelectionOf } from "./entity/entity-types.js";

/** Which observations. */
export type ObservationSelection = SelectionOf<typeof ObservationService>;

/** The observations of a tenant. Every method throws HoldfastError. To record steadily use a recorder. */
export class Observations extends entityClient(ObservationService) {}
