import type { Ledger } from "./ledger.ts";
import type { SystemLibraries } from "./system_libraries.ts";
import type { TuneMode } from "./tuner.ts";

/** What all parts of an open device have in common. */
export interface DeviceSettings {
  /** Whether kernel variants are timed on first use. */
  readonly tune: TuneMode;
  /** Bytes of live and pooled buffers above which unreachable tensors are collected. */
  readonly memoryBudget: number;
  /** Where every buffer is counted. */
  readonly ledger: Ledger;
  /** BLAS and LAPACK of the system. */
  readonly libraries: SystemLibraries;
}
