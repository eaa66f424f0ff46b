import { type Claim, VERDICTS } from "./claim.ts";

/** A notebook and what it claims. */
export interface LedgerEntry {
  /** The link to the notebook, relative to where the table will stand. */
  href: string;
  /** The text of the link. Default: `href`. */
  title?: string;
  /** The device that the notebook ran on, for claims that name none. */
  device?: string;
  /** Its claims, as {@linkcode claimsOf} finds them. */
  claims: readonly Claim[];
}

/**
 * The claims ledger: a Markdown table of what papers say and what was measured, sorted by paper.
 *
 * @example
 * ```ts
 * import { type Claim, ledger } from "@denovo/denovo/notebook";
 * const claims: Claim[] = [{ paper: "sinkhorn-flow", says: "linear rate", measured: "0.41 per step", holds: true }];
 * console.log(ledger([{ href: "transport/sinkhorn-flow.ipynb", title: "Sinkhorn flow", claims }]));
 * ```
 */
export function ledger(entries: readonly LedgerEntry[]): string {
  const rows = entries.flatMap(({ href, title = href, device = "", claims }) =>
    claims.map((claim) => ({ link: `[${cell(title)}](${encodeURI(href)})`, device, ...claim }))
  );
  if (rows.length === 0) return "No claims yet.\n";
  rows.sort((a, b) => (a.paper < b.paper ? -1 : a.paper > b.paper ? 1 : 0));
  const lines = rows.map(({ paper, says, measured, device, holds, note, link }) => {
    const { sign, word } = VERDICTS[`${holds}`];
    const here = note === undefined ? cell(measured) : `${cell(measured)} (${cell(note)})`;
    return `| ${[`\`${paper}\``, cell(says), here, cell(device), `${sign} ${word}`, link].join(" | ")} |`;
  });
  const header = ["Paper", "It says", "Measured here", "Device", "Holds", "Notebook"];
  return [`| ${header.join(" | ")} |`, `|${" --- |".repeat(header.length)}`, ...lines].join("\n") + "\n";
}

/** Text that stays within its cell of a Markdown table. */
function cell(text: string): string {
  return text.replace(/\s*\n\s*/g, " ").replaceAll("|", "\\|");
}
