import {
  type CodeCell,
  execute,
  type ExecuteOptions,
  type ExecuteResult,
  joinText,
  type Notebook,
  type Output,
} from "../../src/notebook/mod.ts";

/** How a cell of a test imports the library. */
export const IMPORT = `import * as notebook from "${new URL("../../src/notebook/mod.ts", import.meta.url)}";`;

/** A notebook of code cells with the given sources. */
export function notebookOf(...sources: string[]): Notebook {
  const cells = sources.map((source, i): CodeCell => (
    { cell_type: "code", id: `c${i + 1}`, metadata: {}, source, outputs: [], execution_count: null }
  ));
  return { nbformat: 4, nbformat_minor: 5, metadata: {}, cells };
}

/** Executes cells in a temporary folder, with files if given, and goes on after errors. */
export async function run(
  sources: string[],
  options: ExecuteOptions & { files?: Record<string, string> } = {},
): Promise<ExecuteResult & { outputs: Output[][] }> {
  const { files = {}, ...rest } = options;
  return await inTempDir(async (cwd) => {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${cwd}/${name}`, text);
    const result = await execute(notebookOf(...sources), { allowErrors: true, cwd, timeout: 20, ...rest });
    return { ...result, outputs: result.notebook.cells.map((cell) => (cell as CodeCell).outputs) };
  });
}

/** Calls `use` with a temporary folder, which is removed afterwards. */
export async function inTempDir<T>(use: (folder: string) => Promise<T>): Promise<T> {
  // The real path, because the kernel's traces have that and temporary folders may be links.
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "denovo-test-" }));
  try {
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What was printed to a stream. */
export function printed(outputs: Output[], name: "stdout" | "stderr" = "stdout"): string {
  return outputs.map((output) => output.output_type === "stream" && output.name === name ? joinText(output.text) : "")
    .join("");
}

/** The plain text of what was displayed and of the result. */
export function shown(outputs: Output[]): string[] {
  return outputs.flatMap((output) => "data" in output ? [joinText(output.data["text/plain"] as string)] : []);
}

/** What `use` prints with `console.log`. */
export async function captureLog(use: () => Promise<unknown>): Promise<string[]> {
  const lines: string[] = [];
  const { log } = console;
  console.log = (...values: unknown[]) => void lines.push(values.join(" "));
  try {
    await use();
  } finally {
    console.log = log;
  }
  return lines;
}
