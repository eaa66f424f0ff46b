import { dirname, join, relative } from "node:path";
import { claimsOf, devicesOf, figuresOf, joinText, ledger, type Notebook, parseNotebook } from "../src/notebook/mod.ts";

/** What the index says of a notebook. */
interface Entry {
  /** The path from the index, with slashes. */
  href: string;
  title: string;
  /** The first paragraph of its prose. */
  summary: string;
  notebook: Notebook;
}

/** Rewrites the gallery and the claims ledger in a folder's `README.md` from the notebooks as they are stored. */
export async function rewriteIndex(folder: string, paths: readonly string[]): Promise<void> {
  const entries = await Promise.all(paths.map((path) => readEntry(folder, path)));
  const file = join(folder, "README.md");
  let text = await Deno.readTextFile(file).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "# Notebooks\n";
    throw error;
  });
  text = replaceSection(text, "gallery", gallery(entries));
  text = replaceSection(text, "ledger", `## Claims\n\n${ledger(entries.map(toLedgerEntry))}`);
  await Deno.writeTextFile(file, text);
}

async function readEntry(folder: string, path: string): Promise<Entry> {
  const notebook = parseNotebook(await Deno.readTextFile(path));
  const href = relative(folder, path).replaceAll("\\", "/");
  const prose = notebook.cells.find((cell) => cell.cell_type === "markdown");
  const paragraphs = prose ? joinText(prose.source).split(/\n\s*\n|(?<=^#.*)\n/m).map((text) => text.trim()) : [];
  const title = paragraphs.find((text) => text.startsWith("# "))?.slice(2) ?? href;
  const summary = paragraphs.find((text) => text !== "" && !text.startsWith("#")) ?? "";
  return { href, title, summary: summary.replace(/\s+/g, " "), notebook };
}

function toLedgerEntry({ href, title, notebook }: Entry) {
  return { href, title, device: devicesOf(notebook)[0]?.name, claims: claimsOf(notebook) };
}

/** The notebooks by family: the title as a link, the summary, and what there is to see. */
function gallery(entries: readonly Entry[]): string {
  const families = Map.groupBy(entries, ({ href }) => dirname(href));
  const sections = [...families].map(([family, members]) => {
    const items = members.map(({ href, title, summary, notebook }) => {
      const contents = [plural(figuresOf(notebook).length, "figure"), plural(claimsOf(notebook).length, "claim")];
      return `- [${title}](${encodeURI(href)}) (${contents.join(", ")})${summary && `: ${summary}`}`;
    });
    return `## ${family === "." ? "General" : family}\n\n${items.join("\n")}\n`;
  });
  return sections.join("\n") || "No notebooks yet.\n";
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** The text with a new body between the markers of a section, which is added at the end if it is not there. */
export function replaceSection(text: string, name: string, body: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const section = `${open}\n${body}${close}`;
  const start = text.indexOf(open);
  const end = text.indexOf(close);
  if (start < 0 || end < start) return `${text.trimEnd()}\n\n${section}\n`;
  return text.slice(0, start) + section + text.slice(end + close.length);
}
