/**
 * Executes the notebooks in place and rewrites the gallery and the claims ledger in `notebooks/README.md`.
 *
 *     deno run -A tools/notebooks.ts [--check] [paths…]
 *
 * A notebook in which a cell fails stays as it was. With `--check` nothing is written: that is for continuous
 * integration. The exit code is 1 if a cell failed or a claim names a paper that `papers.json` does not have.
 */
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { execute, formatNotebook } from "../src/notebook/mod.ts";
import { CELL_TIMEOUT, describeFailures, interrupted, ROOT } from "./command_line.ts";
import { rewriteIndex } from "./gallery.ts";

/** What to do with which notebooks. */
export interface NotebooksOptions {
  /** The folder that holds `notebooks/` and `papers.json`. */
  root: string;
  /** The notebooks. Default: all below `notebooks/`. */
  paths: string[];
  check: boolean;
  signal?: AbortSignal;
}

/** Runs the notebooks, one line for each, and gives whether all went well. */
export async function runNotebooks({ root, paths, check, signal }: NotebooksOptions): Promise<boolean> {
  const folder = join(root, "notebooks");
  const all = await findNotebooks(folder);
  const papers = await readSlugs(join(root, "papers.json"));
  let good = true;
  for (const path of paths.length > 0 ? paths.map((path) => resolve(path)) : all) {
    const { ok, cells, claims, seconds, notebook } = await execute(path, { timeout: CELL_TIMEOUT, signal });
    const strangers = papers ? claims.filter(({ paper }) => !papers.has(paper)) : [];
    const fine = ok && strangers.length === 0;
    console.log(`${fine ? "ok  " : "FAIL"} ${seconds.toFixed(1).padStart(6)} s  ${relative(root, path)}`);
    if (!ok) console.log(describeFailures(cells));
    for (const { paper } of strangers) console.log(`  The claim on "${paper}" is about no paper of papers.json`);
    if (ok && !check) await Deno.writeTextFile(path, formatNotebook(notebook));
    good &&= fine;
  }
  if (!check && all.length > 0) await rewriteIndex(folder, all);
  return good;
}

/** The notebooks below a folder, sorted; none if there is no such folder. */
async function findNotebooks(folder: string): Promise<string[]> {
  const found: string[] = [];
  if (!await Deno.stat(folder).catch(() => undefined)) return found;
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory && !entry.name.startsWith(".")) found.push(...await findNotebooks(path));
    else if (entry.name.endsWith(".ipynb")) found.push(path);
  }
  return found.sort();
}

/** The slugs of a list of papers, or undefined if there is no such file. */
async function readSlugs(file: string): Promise<Set<string> | undefined> {
  try {
    const papers: { slug: string }[] = JSON.parse(await Deno.readTextFile(file));
    return new Set(papers.map(({ slug }) => slug));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({ options: { check: { type: "boolean" } }, allowPositionals: true });
  const options = { root: ROOT, paths: positionals, check: values.check ?? false, signal: interrupted() };
  Deno.exit(await runNotebooks(options) ? 0 : 1);
}
