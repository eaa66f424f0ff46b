/** Named values of a result as `console.log` shows them, under the name of its class. */
export function inspectRows(title: string, rows: readonly (readonly [string, string])[]): string {
  return `${title}\n${rows.map(([name, value]) => `  ${name.padEnd(24)} ${value}`).join("\n")}`;
}

/** Named values of a result as a notebook shows them. */
export function displayRows(rows: readonly (readonly [string, string])[]): Record<string, string> {
  return {
    "text/html": `<table>${rows.map(([name, value]) => `<tr><td>${name}</td><td>${value}</td></tr>`).join("")}</table>`,
    "text/plain": rows.map(([name, value]) => `${name.padEnd(24)} ${value}`).join("\n"),
  };
}
