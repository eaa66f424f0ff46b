import type { MemoryReport } from "../device/mod.ts";
import { escapeHtml } from "./escape_html.ts";

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(3)} MB`;
}

function summary(report: MemoryReport): string {
  return `live ${megabytes(report.live)}, pooled ${megabytes(report.pooled)}, peak ${megabytes(report.peak)}`;
}

/** The memory table as text. */
export function memoryText(report: MemoryReport): string {
  const rows = report.rows.map((r) =>
    `${r.label.padEnd(24)} ${String(r.count).padStart(6)} ${megabytes(r.bytes).padStart(14)}`
  );
  return [summary(report), ...rows].join("\n");
}

/** The memory table for notebooks. */
export function memoryBundle(report: MemoryReport): Record<string, string> {
  const rows = report.rows.map((r) =>
    `<tr><td>${escapeHtml(r.label)}</td><td>${r.count}</td><td>${megabytes(r.bytes)}</td></tr>`
  );
  return {
    "text/html": `<div>${summary(report)}</div><table><tr><th>held by</th><th>buffers</th><th>size</th></tr>${
      rows.join("")
    }</table>`,
    "text/plain": memoryText(report),
  };
}
