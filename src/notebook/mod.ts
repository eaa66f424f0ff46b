/**
 * Notebooks: executing them in Deno's own Jupyter kernel, and what a cell calls to report progress, to show values, to
 * put a paper's claim beside its measurement, and to survive the stop button.
 *
 * @example
 * ```ts ignore
 * import { execute, ledger } from "@denovo/denovo/notebook";
 * const { ok, claims } = await execute("notebooks/transport/sinkhorn.ipynb", { timeout: 60 });
 * console.log(ok, ledger([{ href: "transport/sinkhorn.ipynb", claims }]));
 * ```
 *
 * @module
 */
export { type Claim, claim } from "./claim.ts";
export { claimsOf, type DeviceRecord, devicesOf, type Figure, figuresOf } from "./collect.ts";
export { display, type DisplayOptions } from "./display.ts";
export { CellError, type CellPosition, CellTimeoutError, KernelDiedError, KernelStartError } from "./errors.ts";
export { execute, type ExecuteOptions, type ExecuteResult } from "./execute.ts";
export { ledger, type LedgerEntry } from "./ledger.ts";
export {
  type Cell,
  type CodeCell,
  type DisplayOutput,
  type ErrorOutput,
  formatNotebook,
  joinText,
  type MediaBundle,
  type MultilineText,
  type Notebook,
  type Output,
  type ResultOutput,
  type StreamOutput,
  type TextCell,
} from "./nbformat.ts";
export { type Progress, progress } from "./progress.ts";
export { parseNotebook } from "./read_notebook.ts";
export type { CellReport } from "./run_cells.ts";
export { interruptSignal, setup } from "./setup.ts";
export { validateNotebook } from "./validate_notebook.ts";
