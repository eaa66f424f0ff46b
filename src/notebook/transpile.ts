import { join } from "node:path";
import { decodeMappings, type Segment } from "./source_map.ts";

/** A cell as JavaScript, with the way back to its source. */
export interface Transpiled {
  code: string;
  /** By generated line. */
  segments: Segment[][];
}

/** Why source could not be parsed, and where, counted from 1. */
export interface SyntaxFailure {
  failure: string;
  line: number;
  column: number;
}

/** What a run of Deno in a temporary folder printed. */
export async function runInTempDir(
  deno: string,
  args: string[],
  files: Record<string, string>,
): Promise<{ stdout: string; stderr: string }> {
  const folder = await Deno.makeTempDir({ prefix: "denovo-cell-" });
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(folder, name), text);
    const env = { NO_COLOR: "1" };
    const command = new Deno.Command(deno, { args, cwd: folder, env, stdin: "null", stdout: "piped", stderr: "piped" });
    const { stdout, stderr } = await command.output();
    const decoder = new TextDecoder();
    return { stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A message of Deno with the place in a file that it ends with. */
export function parseFailure(stderr: string): SyntaxFailure | undefined {
  const parts = stderr.match(/error: (?:Uncaught )?(?:SyntaxError: )?([^\n]+)[\s\S]*?at .*?file:\S*?:(\d+):(\d+)/);
  return parts ? { failure: parts[1], line: Number(parts[2]), column: Number(parts[3]) } : undefined;
}

/**
 * The JavaScript that Deno makes of a cell. The kernel makes the same of it, except that its imports become
 * declarations on one line each, so lines and columns of the kernel's traces fit this code.
 *
 * Undefined if this Deno cannot tell.
 */
export async function transpileCell(source: string, deno: string): Promise<Transpiled | SyntaxFailure | undefined> {
  const asTypeScript = await transpileAs("cell.ts", source, deno);
  // As in the kernel, a cell may be TSX; but what is neither is explained better as plain TypeScript.
  if (asTypeScript === undefined || "code" in asTypeScript) return asTypeScript;
  const asTsx = await transpileAs("cell.tsx", source, deno);
  return asTsx && "code" in asTsx ? asTsx : asTypeScript;
}

async function transpileAs(name: string, source: string, deno: string) {
  // Unlike the kernel, Deno would drop imports of which only types are used, and with them their lines.
  const config = JSON.stringify({ compilerOptions: { verbatimModuleSyntax: true, jsx: "react" } });
  const args = ["transpile", "--source-map", "inline", name];
  const { stdout, stderr } = await runInTempDir(deno, args, { [name]: source, "deno.json": config });
  const parts = stdout.match(/^([\s\S]*)\/\/# sourceMappingURL=data:application\/json;base64,(\S+)\s*$/);
  if (!parts) return parseFailure(stderr);
  const map = JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(parts[2])));
  return { code: parts[1], segments: decodeMappings(map.mappings) };
}
