/**
 * Makes the figures of a paper: executes its notebooks and writes what they show to `out/`.
 *
 *     deno run -A tools/figures.ts [paths…]
 *
 * For `notebooks/transport/sinkhorn.ipynb`, the default, the executed copy is `out/transport/sinkhorn.ipynb` and the
 * figures are `out/transport/sinkhorn-1-<title>.png` and so on. The notebook itself stays as it is. The exit code is 1 if
 * a cell failed.
 */
import { basename, dirname, join, relative, resolve } from "node:path";
import { VERDICTS } from "../src/notebook/claim.ts";
import { devicesOf, execute, figuresOf, formatNotebook } from "../src/notebook/mod.ts";
import { CELL_TIMEOUT, describeFailures, interrupted, ROOT } from "./command_line.ts";

/** Executes one notebook, writes its figures below `out`, says what it did, and gives whether every cell ran. */
export async function makeFigures(path: string, out: string, signal?: AbortSignal): Promise<boolean> {
  const { ok, notebook, cells, claims, seconds } = await execute(path, { timeout: CELL_TIMEOUT, signal });
  const folder = join(out, basename(dirname(resolve(path))));
  const slug = basename(path, ".ipynb");
  await Deno.mkdir(folder, { recursive: true });
  await removeFigures(folder, slug);
  const say = (what: string, text: string) => console.log(`  ${what.padEnd(9)}${text}`);
  console.log(`${ok ? "ok  " : "FAIL"} ${relative(Deno.cwd(), path)}`);
  if (!ok) console.log(describeFailures(cells));
  const devices = devicesOf(notebook);
  for (const { name, backend } of devices) say("device", `${name} (${backend})`);
  if (devices.length === 0) say("device", "the notebook displays none");
  const copy = join(folder, `${slug}.ipynb`);
  await Deno.writeTextFile(copy, formatNotebook(notebook));
  say("notebook", relative(Deno.cwd(), copy));
  for (const [i, { png, title }] of figuresOf(notebook).entries()) {
    const file = join(folder, [slug, i + 1, ...toSlug(title)].join("-") + ".png");
    await Deno.writeFile(file, png);
    say("figure", relative(Deno.cwd(), file));
  }
  for (const { paper, measured, holds } of claims) {
    say("claim", `${VERDICTS[`${holds}`].sign} ${paper}: ${measured}`);
  }
  say("time", `${seconds.toFixed(1)} s`);
  return ok;
}

/** A title as the end of a file name, of at most 60 characters; none if nothing of it is fit for that. */
function toSlug(title = ""): string[] {
  const plain = title.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const slug = (plain.match(/[a-z0-9]+/g) ?? []).join("-").slice(0, 60).replace(/-$/, "");
  return slug === "" ? [] : [slug];
}

/** Removes the figures of an earlier run, whose titles may have been others. */
async function removeFigures(folder: string, slug: string): Promise<void> {
  const pattern = new RegExp(`^${RegExp.escape(slug)}-\\d+(-.*)?\\.png$`);
  for await (const { name } of Deno.readDir(folder)) {
    if (pattern.test(name)) await Deno.remove(join(folder, name));
  }
}

if (import.meta.main) {
  const started = performance.now();
  const signal = interrupted();
  const paths = Deno.args.length > 0 ? Deno.args : [join(ROOT, "notebooks/transport/sinkhorn.ipynb")];
  let good = true;
  for (const path of paths) good = await makeFigures(path, join(ROOT, "out"), signal) && good;
  console.log(`${((performance.now() - started) / 1000).toFixed(1)} s in all`);
  Deno.exit(good ? 0 : 1);
}
