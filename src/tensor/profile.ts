import type { Device, ProfileRow } from "../device/mod.ts";
import { escapeHtml } from "./escape_html.ts";
import { measureRoofline, type Roofline } from "./roofline.ts";

/** One kernel's line of a profile. */
export interface ProfileEntry extends ProfileRow {
  /** Billions of floating-point operations per second, counted as the fewest that the call needs. */
  gflops: number;
  /** Billions of bytes per second, counted as the fewest that the call must move. */
  gbps: number;
  /** Share of what the device could do at best (1 is the roofline); undefined without a clock, and on the host beside an adapter. */
  roofline: number | undefined;
}

/** What ran while a function was profiled. */
export interface Profile {
  /** Kernels, slowest first. */
  entries: ProfileEntry[];
  /** What was waited for with nothing left to run, longest first: a read costs some 10 ms in Deno. */
  waits: ProfileRow[];
  /** Milliseconds from the call to the last kernel's end, waiting included. */
  wallMs: number;
  /** Milliseconds that kernels ran. */
  kernelMs: number;
  /** Milliseconds of waiting. */
  waitMs: number;
  /** The device's peaks that the shares refer to. */
  peak: Roofline | undefined;
  /** The table as text. */
  toString(): string;
}

const profiled = new WeakSet<Device>();

/** Runs `fn` and measures the kernels it launches. Throws a `TypeError` within another profile of the same device. */
export async function profileRun(device: Device, fn: () => unknown | Promise<unknown>): Promise<Profile> {
  if (profiled.has(device)) throw new TypeError("Cannot profile within another profile of the same device");
  profiled.add(device);
  try {
    return await measure(device, fn);
  } finally {
    profiled.delete(device);
  }
}

async function measure(device: Device, fn: () => unknown | Promise<unknown>): Promise<Profile> {
  const peak = await measureRoofline(device);
  await device.sync();
  device.startProfile();
  const start = performance.now();
  let rows: ProfileRow[];
  try {
    await fn();
  } finally {
    rows = await device.stopProfile();
  }
  const wallMs = performance.now() - start;
  const waits = rows.filter((row) => row.wait);
  const entries = rows.filter((row) => !row.wait).map((row): ProfileEntry => {
    const seconds = row.ms / 1e3;
    const best = peak && row.on === device.info.backend
      ? Math.max(row.flops / (peak.gflops * 1e9), row.bytes / (peak.gbps * 1e9))
      : undefined;
    return {
      ...row,
      gflops: seconds > 0 ? row.flops / seconds / 1e9 : 0,
      gbps: seconds > 0 ? row.bytes / seconds / 1e9 : 0,
      roofline: best === undefined || seconds === 0 ? undefined : best / seconds,
    };
  });
  const total = (list: readonly ProfileRow[]) => list.reduce((sum, row) => sum + row.ms, 0);
  const kernelMs = total(entries),
    waitMs = total(waits),
    lines = [...entries.map(kernelCells), ...waits.map(waitCells)];
  const line = `${device.info.name}: ${wallMs.toFixed(1)} ms in all, ${kernelMs.toFixed(1)} ms in kernels, ${
    waitMs.toFixed(1)
  } ms of waiting, the rest is host work`;
  return {
    entries,
    waits,
    wallMs,
    kernelMs,
    waitMs,
    peak,
    toString: () => table(lines, line),
    [Symbol.for("Deno.customInspect")]: () => table(lines, line),
    [Symbol.for("Jupyter.display")]: () => display(lines, line),
  } as Profile;
}

const HEAD = ["kernel", "on", "calls", "ms", "GFLOP/s", "GB/s", "of roofline"];
/** Columns of text; the others are numbers. */
const TEXTS = 2;

function kernelCells(e: ProfileEntry): string[] {
  const share = e.roofline === undefined ? "" : `${(100 * e.roofline).toFixed(0)} %`;
  return [e.kernel, e.on, String(e.count), e.ms.toFixed(2), e.gflops.toFixed(1), e.gbps.toFixed(1), share];
}

function waitCells({ kernel, count, ms }: ProfileRow): string[] {
  return [kernel, "", String(count), ms.toFixed(2), "", "", ""];
}

function table(cells: readonly string[][], line: string): string {
  const rows = [HEAD, ...cells];
  const widths = HEAD.map((_, c) => Math.max(...rows.map((r) => r[c].length)));
  const lines = rows.map((r) => r.map((s, c) => c < TEXTS ? s.padEnd(widths[c]) : s.padStart(widths[c])).join("  "));
  return [...lines, line].join("\n");
}

function display(cells: readonly string[][], line: string): Record<string, string> {
  const row = (tag: string, r: readonly string[]) =>
    `<tr>${r.map((s) => `<${tag}>${escapeHtml(s)}</${tag}>`).join("")}</tr>`;
  return {
    "text/html": `<table>${row("th", HEAD)}${cells.map((own) => row("td", own)).join("")}</table><small>${
      escapeHtml(line)
    }</small>`,
    "text/plain": table(cells, line),
  };
}
