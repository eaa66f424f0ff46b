import type { ChartSpec } from "./chart.ts";
import { titleOf } from "./summary.ts";

/** A page that shows the SVG and carries the specification as JSON, with nothing to fetch. */
export function chartHtml(spec: ChartSpec, svg: string): string {
  // In a script element only the end tag has meaning, and JSON may write its "<" as an escape.
  const json = JSON.stringify(spec).replaceAll("<", "\\u003c");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${escapeHtml(titleOf(spec) ?? "Chart")}</title>
<style>body { margin: 16px; background: white; } svg { max-width: 100%; height: auto; }</style>
</head>
<body>
${svg}
<script type="application/json" id="vega-lite-spec">${json}</script>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
