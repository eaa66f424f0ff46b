/**
 * Runs the tests, each file in a process of its own and as many at once as there are processors: compiling a kernel keeps one busy,
 * and in a process of their own tests may set the environment and their libraries' threads.
 *
 *     deno run -A tools/test.ts [options of deno test, as --filter=…] [files and folders…]
 *
 * What a file prints comes when it has ended. The last line counts all tests, in the words of `deno test`.
 */
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { ROOT } from "./command_line.ts";

/** How many tests had which end. */
interface Count {
  passed: number;
  failed: number;
  ignored: number;
}

/** The files below the paths whose names end in `_test.ts`, those first that take longest. */
async function testFiles(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const visit = async (path: string): Promise<void> => {
    if (!(await Deno.stat(path)).isDirectory) {
      found.push(path);
      return;
    }
    for await (const { name, isDirectory } of Deno.readDir(path)) {
      if (isDirectory || name.endsWith("_test.ts")) await visit(join(path, name));
    }
  };
  for (const path of paths) await visit(path);
  // Begun last, the conformance of all ops would keep one processor busy while the others have nothing left.
  const late = (file: string) => Number(!file.includes("conformance")) + Number(!file.includes("gpu"));
  return [...new Set(found)].sort((a, b) => late(a) - late(b) || (a < b ? -1 : 1));
}

/** The counts in the last line of a report; undefined if there is none, because the process died. */
export function readCount(report: string): Count | undefined {
  // deno-lint-ignore no-control-regex -- colors
  const lines = report.replaceAll(/\x1b\[[0-9;]*m/g, "").split("\n");
  const summary = lines.findLast((line) => /^(ok|FAILED) \| \d+ passed/.test(line));
  if (summary === undefined) return undefined;
  const number = (word: string) => Number(summary.match(new RegExp(String.raw`\| (\d+) ${word}`))?.[1] ?? 0);
  return { passed: number("passed"), failed: number("failed"), ignored: number("ignored") };
}

async function runFile(file: string, options: readonly string[]): Promise<{ good: boolean; count: Count }> {
  const args = ["test", "-A", "--no-check", ...options, file];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  await Deno.stderr.write(stderr);
  await Deno.stdout.write(stdout);
  const count = readCount(new TextDecoder().decode(stdout));
  if (!count) console.log(`${relative(ROOT, file)} ended with code ${code} before its last test`);
  return { good: code === 0 && count !== undefined, count: count ?? { passed: 0, failed: 1, ignored: 0 } };
}

if (import.meta.main) {
  const start = performance.now(), options = Deno.args.filter((arg) => arg.startsWith("-"));
  const paths = Deno.args.filter((arg) => !arg.startsWith("-"));
  const queue = await testFiles(paths.length > 0 ? paths : [join(ROOT, "tests")]);
  const total: Count = { passed: 0, failed: 0, ignored: 0 }, bad: string[] = [];
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const { good, count } = await runFile(file, options);
      if (!good) bad.push(relative(ROOT, file));
      for (const key of ["passed", "failed", "ignored"] as const) total[key] += count[key];
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  if (bad.length > 0) console.log(`Files with failures:\n  ${bad.join("\n  ")}`);
  const ignored = total.ignored > 0 ? ` | ${total.ignored} ignored` : "";
  const seconds = Math.round((performance.now() - start) / 1000);
  const time = seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
  console.log(
    `\n${bad.length > 0 ? "FAILED" : "ok"} | ${total.passed} passed | ${total.failed} failed${ignored} (${time})`,
  );
  Deno.exit(bad.length > 0 ? 1 : 0);
}
