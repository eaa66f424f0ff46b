import { type CellPosition, codeFrame } from "./errors.ts";
import type { RanCell } from "./locate.ts";
import type { ErrorOutput } from "./nbformat.ts";
import { parseFailure, runInTempDir, type SyntaxFailure, transpileCell, type Transpiled } from "./transpile.ts";

/** A specifier that no module can have. */
const NOWHERE = "denovo:nowhere";

/** An error with the place in the cell where it was found. */
export interface Diagnosis {
  output: ErrorOutput;
  position: CellPosition | undefined;
}

/**
 * Why a cell failed to which the kernel answers `Execution failed` and nothing else: it could not be parsed, or one of
 * its packages could not be installed.
 */
export async function diagnoseSilence(cell: RanCell, deno: string, config: string | undefined): Promise<Diagnosis> {
  const parsed = await transpileCell(cell.source, deno);
  if (parsed && "failure" in parsed) return describe("SyntaxError", parsed, cell);
  const failure = await findMissingPackage(cell.source, deno, config);
  if (failure) return describe("TypeError", failure, cell);
  const evalue = "The kernel could not run the cell and gave no reason";
  const traceback = [`Error: ${evalue}`];
  return { output: { output_type: "error", ename: "Error", evalue, traceback }, position: undefined };
}

/** Where in a cell the error lies that V8 refused to compile it for, which the kernel reports without a place. */
export async function diagnoseRefusal(
  cell: RanCell,
  message: string,
  deno: string,
): Promise<Diagnosis | undefined> {
  const parsed = await transpileCell(cell.source, deno);
  const failure = parsed && "code" in parsed ? await findRefusal(parsed, deno) : undefined;
  return failure && describe("SyntaxError", { ...failure, failure: message }, cell);
}

function describe(ename: string, { failure, line, column }: SyntaxFailure, cell: RanCell): Diagnosis {
  const position = { cell: cell.count, line, column };
  const traceback = [`${ename}: ${failure}`, ...codeFrame(position, cell.source).split("\n")];
  return { output: { output_type: "error", ename, evalue: failure, traceback }, position };
}

interface ModuleInfo {
  specifier: string;
  error?: string;
  dependencies?: { code?: { specifier?: string; span: { start: { line: number; character: number } } } }[];
}

async function findMissingPackage(
  source: string,
  deno: string,
  config: string | undefined,
): Promise<SyntaxFailure | undefined> {
  const args = ["info", "--json", "--no-lock", ...config ? ["--config", config] : ["--no-config"], "cell.ts"];
  const { stdout } = await runInTempDir(deno, args, { "cell.ts": source });
  if (!stdout.startsWith("{")) return undefined;
  const modules: ModuleInfo[] = JSON.parse(stdout).modules;
  // Other modules that are missing the kernel reports itself; here they are missing only because of the folder.
  const missing = modules.find((module) => module.error && /^(npm|jsr):/.test(module.specifier));
  if (!missing) return undefined;
  const importer = modules.find((module) => module.specifier.endsWith("/cell.ts"));
  const link = importer?.dependencies?.find((link) => link.code?.specifier === missing.specifier);
  const start = link?.code?.span.start ?? { line: 0, character: 0 };
  return { failure: missing.error!, line: start.line + 1, column: start.character + 1 };
}

/** Compiles a cell as a module that cannot be linked, so that none of it runs. */
async function findRefusal({ code, segments }: Transpiled, deno: string): Promise<SyntaxFailure | undefined> {
  const unlinked = code.replace(/^((?:im|ex)port\b.*?)(["'])[^"'\n]+\2( with .*)?;$/gm, `$1"${NOWHERE}";`);
  const files = { "cell.js": `${unlinked}\nimport "${NOWHERE}";\n` };
  const { stderr } = await runInTempDir(deno, ["run", "--no-config", "--no-lock", "--no-prompt", "cell.js"], files);
  const refusal = stderr.includes("SyntaxError") ? parseFailure(stderr) : undefined;
  const segment = refusal && segments[refusal.line - 1]?.findLast((segment) => segment.column < refusal.column);
  return segment && { failure: refusal.failure, line: segment.sourceLine + 1, column: segment.sourceColumn + 1 };
}
