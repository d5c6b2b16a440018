import { PerformanceMetricService } from "../../../gen/holdfast/v1/performance_metric_pb.js";
import { entityClient } from "./entity/entity-client.js";
import type { SelectionOf } from "./entity/entity-types.js";

/** Which metrics. */
export type PerformanceMetricSelection = SelectionOf<typeof PerformanceMetricService>;

/** The performance metrics of a tenant. Every method throws HoldfastError. To record steadily use a recorder. */
export class PerformanceMetrics extends entityClient(PerformanceMetricService) {}
