import { show } from "./display.ts";
import type { MediaBundle } from "./nbformat.ts";

/** The MIME type under which a notebook keeps its claims. */
export const CLAIM_TYPE = "application/vnd.denovo.claim+json";

/** What a paper says beside what was measured here. */
export interface Claim {
  /** The slug of the paper in `papers.json`, such as `"sinkhorn-newton-sparse"`. */
  paper: string;
  /** What the paper claims, in words. */
  says: string;
  /** What was measured, in words with numbers and units. */
  measured: string;
  /** Whether the measurement bears the claim out. */
  holds: boolean | "partly";
  /** The device that it was measured on, if that matters. */
  device?: string;
  /** Anything that a reader has to know to judge it. */
  note?: string;
}

/** The sign and the word for each verdict. */
export const VERDICTS = {
  true: { sign: "✓", word: "holds" },
  partly: { sign: "≈", word: "holds in part" },
  false: { sign: "✗", word: "does not hold" },
} as const;

/**
 * Puts a paper's claim and its measurement on record: shows a badge in a notebook, prints a few lines elsewhere.
 * {@linkcode execute} and {@linkcode claimsOf} find it again in the stored notebook.
 *
 * @throws {TypeError} if a field is missing or of another kind, or `paper` is not a slug
 *
 * @example
 * ```ts
 * import { claim } from "@denovo/denovo/notebook";
 * await claim({
 *   paper: "sinkhorn-newton-sparse",
 *   says: "orders of magnitude fewer iterations than Sinkhorn",
 *   measured: "11 iterations against 940, to a marginal error of 1e-9",
 *   holds: true,
 * });
 * ```
 */
export async function claim(claim: Claim): Promise<void> {
  checkClaim(claim);
  const { paper, says, measured, holds, device, note } = claim;
  const { sign, word } = VERDICTS[`${holds}`];
  const lines: [string, string][] = [["Paper", says], ["Here", measured]];
  if (device !== undefined) lines.push(["Device", device]);
  if (note !== undefined) lines.push(["Note", note]);
  const record: Claim = {
    paper,
    says,
    measured,
    holds,
    ...device !== undefined && { device },
    ...note !== undefined && { note },
  };
  const bundle: MediaBundle = {
    [CLAIM_TYPE]: record,
    "text/html": `<p><strong>${sign} ${word}</strong> · <code>${escapeHtml(paper)}</code>${
      lines.map(([name, text]) => `<br><em>${name}:</em> ${escapeHtml(text)}`).join("")
    }</p>`,
    "text/markdown": `**${sign} ${word}** · \`${paper}\`\n\n${
      lines.map(([name, text]) => `- *${name}:* ${text}`).join("\n")
    }\n`,
    "text/plain": `${sign} ${word}: ${paper}\n${lines.map(([name, text]) => `  ${name}: ${text}`).join("\n")}`,
  };
  await show(bundle);
}

function checkClaim(claim: Claim): void {
  if (typeof claim !== "object" || claim === null) throw new TypeError(`A claim must be an object, got ${claim}`);
  for (const field of ["paper", "says", "measured"] as const) checkText(field, claim[field]);
  for (const field of ["device", "note"] as const) {
    if (claim[field] !== undefined) checkText(field, claim[field]);
  }
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(claim.paper)) {
    throw new TypeError(
      `The claim's paper must be a slug of papers.json such as "sinkhorn-flow", got "${claim.paper}"`,
    );
  }
  if (typeof claim.holds !== "boolean" && claim.holds !== "partly") {
    throw new TypeError(`The claim's holds must be true, false or "partly", got ${JSON.stringify(claim.holds)}`);
  }
}

function checkText(field: string, value: unknown): void {
  if (typeof value !== "string" || value.trim() === "") {
    throw new TypeError(`The claim's ${field} must be a text that is not empty, got ${JSON.stringify(value)}`);
  }
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
