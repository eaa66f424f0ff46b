import type { KernelVariant } from "./define.ts";
import type { ReduceParams } from "./reduce.ts";
import { reduceColumns } from "./reduce_columns.ts";
import { reduceLane } from "./reduce_lane.ts";
import { reduceRows } from "./reduce_rows.ts";
import { reduceWorkgroup } from "./reduce_workgroup.ts";

/** Ways to reduce on WebGPU. */
export const reduceKernels: readonly KernelVariant<ReduceParams>[] = [
  reduceLane,
  reduceWorkgroup,
  reduceRows,
  reduceColumns,
];
