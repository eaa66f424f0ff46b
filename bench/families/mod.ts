/**
 * The benchmarks, one family per part of the library. Transport is apart: it measures whole solves.
 *
 * @module
 */
import type { Family } from "./family.ts";
import { double } from "./double.ts";
import { index } from "./index.ts";
import { iterations } from "./iterations.ts";
import { linalg } from "./linalg.ts";
import { map } from "./map.ts";
import { matmul } from "./matmul.ts";
import { operators } from "./operators.ts";
import { overhead } from "./overhead.ts";
import { pairwise } from "./pairwise.ts";
import { random } from "./random.ts";
import { reduce } from "./reduce.ts";
import { scan } from "./scan.ts";
import { sparse } from "./sparse.ts";

/** Every family that races operations. */
export const families: readonly Family[] = [
  map,
  reduce,
  scan,
  matmul,
  pairwise,
  sparse,
  double,
  linalg,
  operators,
  iterations,
  index,
  random,
  overhead,
];

export type { Family, FamilyBenchmark } from "./family.ts";
