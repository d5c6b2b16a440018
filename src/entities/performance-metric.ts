import { EntityKind } from "../../gen/holdfast/v1/log_pb.js";
import {
  PerformanceMetricSchema,
  PerformanceMetricService,
} from "../../gen/holdfast/v1/performance_metric_pb.js";
import type { EntityDeclaration } from "./declaration.js";

export const performanceMetric: EntityDeclaration<typeof PerformanceMetricSchema> = {
  name: "performance_metric",
  table: "performance_metrics",
  kind: EntityKind.PERFORMANCE_METRIC,
  nature: "append",
  message: PerformanceMetricSchema,
  service: PerformanceMetricService,
  addedLater: "metadata",
  required: ["name"],
  maxLengths: { name: 200, unit: 50, component: 200 },
};
