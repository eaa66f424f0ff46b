/** Lines of a result: what, and its value in words. */
export type Rows = readonly (readonly [what: string, value: string])[];

/** A result as `console.log` shows it. */
export function resultText(title: string, rows: Rows): string {
  const width = Math.max(...rows.map(([what]) => what.length));
  return `${title}\n${rows.map(([what, value]) => `  ${what.padEnd(width)}  ${value}`).join("\n")}`;
}

/** A result as a notebook shows it. The texts are the library's own and need no escape. */
export function resultBundle(rows: Rows): Record<string, string> {
  return {
    "text/html": `<table>${rows.map(([what, value]) => `<tr><td>${what}</td><td>${value}</td></tr>`).join("")}</table>`,
    "text/plain": resultText("", rows).trimStart(),
  };
}
