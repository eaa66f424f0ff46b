import { dirname } from "node:path";
import { type CellRunner, createRunner } from "./cell_runner.ts";
import { CellError, CellTimeoutError, KernelDiedError } from "./errors.ts";
import { diagnoseRefusal, diagnoseSilence } from "./diagnose.ts";
import type { Kernel } from "./kernel.ts";
import { locateTrace, type RanCell } from "./locate.ts";
import { type CodeCell, type ErrorOutput, joinText, type Notebook } from "./nbformat.ts";
import { collectOutputs, type Displays, type OutputCollector } from "./outputs.ts";
import { findConfig, portablePaths } from "./portable_paths.ts";

/** How a cell went. */
export interface CellReport {
  /** The place of the cell among all cells of the notebook, from 0. */
  index: number;
  /** The execution count, as in `In[3]`; null if the cell did not run. */
  count: number | null;
  /**
   * `"error"`: the cell threw or could not be parsed; `"timeout"`: it took too long; `"died"`: the kernel ended;
   * `"skipped"`: an earlier failure kept it from running.
   */
  status: "ok" | "error" | "timeout" | "died" | "skipped";
  /** How long it ran, in milliseconds. */
  ms: number;
  /** Why it failed. */
  error?: CellError | CellTimeoutError | KernelDiedError;
}

interface Run {
  timeout: number;
  allowErrors: boolean;
  deno: string;
  cwd: string;
  signal: AbortSignal | undefined;
  onCell: ((report: CellReport) => void) | undefined;
}

/** Runs the code cells of a notebook in turn and stores their outputs in it. */
export async function runCells(kernel: Kernel, notebook: Notebook, run: Run): Promise<CellReport[]> {
  const config = findConfig(run.cwd);
  const makePortable = portablePaths(config === undefined ? run.cwd : dirname(config), homeFolder());
  const runCell = createRunner(kernel);
  const displays: Displays = new Map();
  const collectors = new Map<CodeCell, OutputCollector>();
  const ran: RanCell[] = [];
  const reports: CellReport[] = [];
  let current: OutputCollector | undefined;
  const off = kernel.onOutput((message) => current?.add(message));
  let stopped = false;
  for (const [index, cell] of notebook.cells.entries()) {
    if (cell.cell_type !== "code") continue;
    cell.outputs = [];
    cell.execution_count = null;
    const source = joinText(cell.source);
    if (source.trim() === "") continue;
    let report: CellReport = { index, count: null, status: "skipped", ms: 0 };
    if (!stopped) {
      // What a cell left running may print until the next one starts.
      current = collectOutputs(displays);
      collectors.set(cell, current);
      ran.push({ count: ran.length + 1, source });
      report = { index, ...await runOne(runCell, ran, current, run.timeout, run.deno, config) };
      cell.execution_count = report.count;
      run.signal?.throwIfAborted();
      const { status, error } = report;
      const lost = status === "died" || (error instanceof CellTimeoutError && !error.recovered);
      stopped = lost || (status !== "ok" && !run.allowErrors);
    }
    reports.push(report);
    run.onCell?.(report);
  }
  off();
  // Only now: a cell may have updated the displays of the cells before it.
  for (const [cell, collector] of collectors) cell.outputs = collector.outputs().map(makePortable);
  return reports;
}

function homeFolder(): string | undefined {
  return Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE");
}

/** Runs the last of the cells that `ran` lists, and puts into `collector` the error that ends it, if one does. */
async function runOne(
  runCell: CellRunner,
  ran: RanCell[],
  collector: OutputCollector,
  timeout: number,
  deno: string,
  config: string | undefined,
): Promise<Omit<CellReport, "index">> {
  const { count } = ran.at(-1)!;
  const started = performance.now();
  const elapsed = () => performance.now() - started;
  try {
    const reply = await runCell(ran.at(-1)!.source, timeout);
    const ms = elapsed();
    const shown = collector.outputs().find((output) => output.output_type === "error");
    // The kernel says "ok" of a cell whose result could not be displayed, and nothing but "error" of one it cannot run.
    if (reply.status === "ok" && !shown) return { count, status: "ok", ms };
    const { output, error } = await explain(shown, ran, deno, config);
    collector.add({ type: "error", parent: undefined, content: { ...output } });
    return { count, status: "error", ms, error };
  } catch (error) {
    if (!(error instanceof CellTimeoutError || error instanceof KernelDiedError)) throw error;
    const output = {
      ename: error.name,
      evalue: error.message,
      traceback: `${error.name}: ${error.message}`.split("\n"),
    };
    collector.add({ type: "error", parent: undefined, content: output });
    return { count, status: error instanceof CellTimeoutError ? "timeout" : "died", ms: elapsed(), error };
  }
}

/** The error of the last cell that ran, with places that count in the cell. */
async function explain(
  shown: ErrorOutput | undefined,
  ran: RanCell[],
  deno: string,
  config: string | undefined,
): Promise<{ output: ErrorOutput; error: CellError }> {
  const cell = ran.at(-1)!;
  const refused = shown?.ename === "SyntaxError" && !shown.traceback.some((line) => /^\s+at /.test(line));
  const diagnosis = !shown
    ? await diagnoseSilence(cell, deno, config)
    : refused
    ? await diagnoseRefusal(cell, shown.evalue, deno)
    : undefined;
  if (diagnosis) {
    const { output, position } = diagnosis;
    return { output, error: new CellError(output.ename, output.evalue, position, cell.source) };
  }
  const { ename, evalue } = shown!;
  const { traceback, position } = await locateTrace(shown!.traceback, evalue.split("\n").length, ran, deno);
  return { output: { ...shown!, traceback }, error: new CellError(ename, evalue, position, cell.source) };
}
