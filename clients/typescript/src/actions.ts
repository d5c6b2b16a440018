import { ActionService } from "../../../gen/holdfast/v1/action_pb.js";
import { entityClient } from "./entity/entity-client.js";
import type { ChangesOf, SelectionOf } from "./entity/entity-types.js";

/** Fields to change: a value sets, null clears, what is left out stays. */
export type ActionChanges = ChangesOf<typeof ActionService>;
/** Which actions. */
export type ActionSelection = SelectionOf<typeof ActionService>;

/** The actions of a tenant. Every method throws HoldfastError. To record steadily use a recorder. */
export class Actions extends entityClient(ActionService) {}
