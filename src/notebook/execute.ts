import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Claim } from "./claim.ts";
import { claimsOf } from "./collect.ts";
import { KernelStartError } from "./errors.ts";
import { type Kernel, startKernel } from "./kernel.ts";
import { formatNotebook, type Notebook } from "./nbformat.ts";
import { normalizeNotebook, parseNotebook } from "./read_notebook.ts";
import { type CellReport, runCells } from "./run_cells.ts";

/** How to execute a notebook. */
export interface ExecuteOptions {
  /** The longest that a cell may run, in seconds; `Infinity` for no limit. Default 120. */
  timeout?: number;
  /** The longest that the kernel may take to start, in seconds. Default 30. */
  startup?: number;
  /** Whether to go on after a cell that failed. Default false. */
  allowErrors?: boolean;
  /** The folder that the cells run in. Default: the notebook's own folder, or the current one for a notebook object. */
  cwd?: string;
  /** The Deno to run as the kernel. Default: the one that runs this. */
  kernel?: string;
  /** Ends the execution: the kernel is killed and the promise rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called with the report of each code cell as it ends. */
  onCell?: (report: CellReport) => void;
  /** The file to write the executed notebook to, which may be the notebook itself. Default: none is written. */
  out?: string | URL;
}

/** What came of executing a notebook. */
export interface ExecuteResult {
  /** A copy of the notebook with its new outputs. */
  notebook: Notebook;
  /** Whether every code cell ran without an error. */
  ok: boolean;
  /** One report for each code cell that is not empty. */
  cells: CellReport[];
  /** The claims that the notebook made. */
  claims: Claim[];
  /** How long it all took. */
  seconds: number;
}

/**
 * Executes a notebook in a fresh Deno Jupyter kernel and gives it back with all of its outputs. No Jupyter and no Python
 * is needed; Deno itself is the kernel. The old outputs are dropped, also those of cells that do not run.
 *
 * A failing cell is no exception: the result tells which cell, in which line and why. Paths below the project (the folder
 * with the `deno.json`) and the home directory are shortened in what is stored, so that the outputs do not depend on the
 * machine.
 *
 * @throws {TypeError} if the notebook is not one
 * @throws {Deno.errors.NotFound} if there is no such file
 * @throws {RangeError} if a time limit is not positive
 * @throws {KernelStartError} if the kernel does not start, twice
 *
 * @example
 * ```ts ignore
 * import { execute } from "@denovo/denovo/notebook";
 * const { ok, cells, seconds } = await execute("notebooks/transport/sinkhorn.ipynb");
 * console.log(ok, seconds, cells.find((cell) => cell.error)?.error?.message);
 * ```
 */
export async function execute(
  notebook: string | URL | Notebook,
  options: ExecuteOptions = {},
): Promise<ExecuteResult> {
  const started = performance.now();
  const { timeout = 120, startup = 30, allowErrors = false, kernel: deno = Deno.execPath(), signal, onCell, out } =
    options;
  for (const [name, seconds] of Object.entries({ timeout, startup })) {
    if (!(seconds > 0)) throw new RangeError(`The ${name} must be a positive number of seconds, got ${seconds}`);
  }
  signal?.throwIfAborted();
  const { executed, folder } = await open(notebook);
  const cwd = resolve(options.cwd ?? folder);
  await checkFolder(cwd);
  const kernel = await startTwice({ deno, cwd, startup });
  const kill = () => kernel.kill("SIGKILL");
  signal?.addEventListener("abort", kill);
  if (signal?.aborted) kill();
  let cells: CellReport[];
  try {
    cells = await runCells(kernel, executed, { timeout, allowErrors, deno, cwd, signal, onCell });
  } finally {
    signal?.removeEventListener("abort", kill);
    await kernel.stop();
  }
  describeKernel(executed, kernel);
  if (out !== undefined) await Deno.writeTextFile(out, formatNotebook(executed));
  return {
    notebook: executed,
    ok: cells.every((cell) => cell.status === "ok"),
    cells,
    claims: claimsOf(executed),
    seconds: (performance.now() - started) / 1000,
  };
}

async function open(notebook: string | URL | Notebook): Promise<{ executed: Notebook; folder: string }> {
  if (typeof notebook === "object" && !(notebook instanceof URL)) {
    return { executed: normalizeNotebook(notebook), folder: Deno.cwd() };
  }
  if (notebook instanceof URL && notebook.protocol !== "file:") {
    throw new TypeError(`Cannot execute "${notebook}": only local files can be executed`);
  }
  const path = notebook instanceof URL ? fileURLToPath(notebook) : notebook;
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Deno.errors.NotFound(`Cannot execute "${path}": there is no such file`, { cause: error });
    }
    if (error instanceof Deno.errors.IsADirectory) {
      throw new TypeError(`Cannot execute "${path}": it is a folder, expected a notebook`, { cause: error });
    }
    throw error;
  }
  try {
    return { executed: parseNotebook(text), folder: dirname(path) };
  } catch (error) {
    throw new TypeError(`Cannot execute "${path}": ${(error as Error).message}`, { cause: error });
  }
}

async function checkFolder(cwd: string): Promise<void> {
  const isFolder = await Deno.stat(cwd).then((info) => info.isDirectory, () => false);
  if (!isFolder) throw new Deno.errors.NotFound(`Cannot execute in "${cwd}": there is no such folder`);
}

/** Another program may have taken one of the kernel's ports, and kernels have been seen to fail now and then: try again. */
async function startTwice(options: { deno: string; cwd: string; startup: number }): Promise<Kernel> {
  try {
    return await startKernel(options);
  } catch (error) {
    if (!(error instanceof KernelStartError)) throw error;
    return await startKernel(options);
  }
}

/** Stores in the metadata which kernel ran the notebook, as front ends do. */
function describeKernel(notebook: Notebook, kernel: Kernel): void {
  notebook.metadata.kernelspec = { name: "deno", display_name: "Deno", language: "typescript" };
  notebook.metadata.language_info = kernel.info.language_info;
}
