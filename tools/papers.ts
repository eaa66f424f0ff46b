/**
 * The catalogue of papers, `papers.json`: its entries' shape, its checks, and its counts.
 *
 * `deno run -R tools/papers.ts` prints how many papers have which status in each family, and fails if an entry is wrong.
 *
 * @module
 */

/** The method families, as the catalogue writes them; the folder is the name in lower case without spaces. */
export const FAMILIES: readonly string[] = [
  "Transport",
  "Low Rank",
  "Adapters",
  "Optim",
  "Spectral",
  "Attention",
  "Quantize",
  "Cluster",
  "Graph",
  "State Space",
  "Scaling",
  "Dynamics",
  "Probability",
  "NN",
];

/** How far a paper has come: its claim measured, its method written, neither yet, or not possible, for a reason. */
export const STATUSES = ["verified", "implemented", "planned", "out-of-reach"] as const;

/** The MIME type of a claim among a notebook's outputs: `{ paper, says, measured, holds }`. */
export const CLAIM_MIME = "application/vnd.denovo.claim+json";

/** One paper of the catalogue. */
export interface Paper {
  slug: string;
  title: string;
  family: string;
  /** A: a numerical method in full; B: a method that is checked on small models; C: the numerical slice of a larger work. */
  tier: "A" | "B" | "C";
  /** What is computed. */
  method: string;
  /** What the paper says. */
  claim: string;
  /** What is measured here, and what is not. */
  measuredBy: string;
  /** The exported function, such as `"transport.sinkhorn"`, or null while there is none. */
  symbol: string | null;
  /** The path of the notebook from the repository's root, or null while there is none. */
  notebook: string | null;
  status: typeof STATUSES[number];
  /** Why it cannot be measured; for `out-of-reach`, and only for that. */
  reason?: string;
  /** Exported functions on which the method is built. */
  uses?: string[];
}

const TEXTS = ["slug", "title", "family", "tier", "method", "claim", "measuredBy", "status"] as const;
const KEYS = new Set<string>([...TEXTS, "symbol", "notebook", "reason", "uses"]);

function isText(value: unknown): value is string {
  return typeof value === "string" && value.trim() !== "";
}

function problemsOf(entry: Record<string, unknown>): string[] {
  const problems: string[] = [];
  for (const key of TEXTS) {
    if (!isText(entry[key])) problems.push(`${key} is not a text`);
  }
  for (const key of ["symbol", "notebook"]) {
    if (entry[key] !== null && !isText(entry[key])) problems.push(`${key} is neither a text nor null`);
  }
  for (const key of Object.keys(entry)) {
    if (!KEYS.has(key)) problems.push(`${key} is not a field`);
  }
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(String(entry.slug))) problems.push("slug is not lower-case words with hyphens");
  if (!FAMILIES.includes(String(entry.family))) problems.push(`family "${entry.family}" is not one of the families`);
  if (!/^[ABC]$/.test(String(entry.tier))) problems.push(`tier "${entry.tier}" is not A, B or C`);
  const { status } = entry;
  if (!STATUSES.some((known) => known === status)) problems.push(`status "${status}" is not one of the statuses`);
  if ((status === "out-of-reach") !== isText(entry.reason)) problems.push("reason goes with out-of-reach");
  if ((status === "implemented" || status === "verified") && entry.symbol === null) {
    problems.push(`${status} needs a symbol`);
  }
  if (status === "verified" && entry.notebook === null) problems.push("verified needs a notebook");
  const { uses } = entry;
  if (uses !== undefined && !(Array.isArray(uses) && uses.length > 0 && uses.every(isText))) {
    problems.push("uses is not a list of texts");
  }
  return problems;
}

/** What is wrong with the entries by themselves, one line each; nothing for a good catalogue. */
export function validate(papers: unknown): string[] {
  if (!Array.isArray(papers)) return ["the catalogue is not a list"];
  const seen = new Set<string>();
  return papers.flatMap((entry, index) => {
    const name = `${index} ${entry?.slug}`;
    if (typeof entry !== "object" || entry === null) return [`${name}: not an object`];
    const problems = problemsOf(entry);
    if (seen.has(entry.slug)) problems.push("the slug occurs twice");
    seen.add(entry.slug);
    return problems.map((problem) => `${name}: ${problem}`);
  });
}

/** The claims that a notebook's stored outputs hold. */
export function claimsOf(notebook: { cells: { outputs?: { data?: Record<string, unknown> }[] }[] }): unknown[] {
  const outputs = notebook.cells.flatMap((cell) => cell.outputs ?? []);
  return outputs.map((output) => output.data?.[CLAIM_MIME]).filter((claim) => claim !== undefined);
}

/** Whether a stored claim is complete, is about the paper, and held when it was measured. */
export function claimHolds(claim: unknown, slug: string): boolean {
  if (typeof claim !== "object" || claim === null) return false;
  const { paper, says, measured, holds } = claim as Record<string, unknown>;
  return paper === slug && isText(says) && measured !== undefined && measured !== null && holds === true;
}

/** Reads `papers.json`, without a check. */
export async function readPapers(): Promise<Paper[]> {
  return JSON.parse(await Deno.readTextFile(new URL("../papers.json", import.meta.url)));
}

function countTable(papers: readonly Paper[]): string {
  const count = (family: string, status: string) =>
    papers.filter((paper) => (family === "total" || paper.family === family) && paper.status === status).length;
  const width = Math.max(...FAMILIES.map((family) => family.length));
  const row = (name: string, cells: (string | number)[]) =>
    [name.padEnd(width), ...cells.map((cell, column) => String(cell).padStart(STATUSES[column].length))].join("  ");
  const rows = [...FAMILIES, "total"].map((family) => row(family, STATUSES.map((status) => count(family, status))));
  return [row("", [...STATUSES]), ...rows].join("\n");
}

if (import.meta.main) {
  const papers = await readPapers();
  const problems = validate(papers);
  if (problems.length > 0) {
    console.error(problems.join("\n"));
    Deno.exit(1);
  }
  console.log(countTable(papers));
}
