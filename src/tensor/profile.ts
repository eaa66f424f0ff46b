import type { Device, ProfileRow } from "../device/mod.ts";
import { escapeHtml } from "./escape_html.ts";
import { measureRoofline, type Roofline } from "./roofline.ts";

/** One kernel's line of a profile. */
export interface ProfileEntry extends ProfileRow {
  /** Billions of floating-point operations per second, counted as the fewest that the call needs. */
  gflops: number;
  /** Billions of bytes per second, counted as the fewest that the call must move. */
  gbps: number;
  /** Share of what the device could do at best (1 is the roofline); undefined without a device clock. */
  roofline: number | undefined;
}

/** What ran while a function was profiled. */
export interface Profile {
  /** Kernels, slowest first. */
  entries: ProfileEntry[];
  /** Milliseconds from the call to the last kernel's end, waiting included. */
  wallMs: number;
  /** Milliseconds that kernels ran. */
  kernelMs: number;
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
  await device.sync();
  const peak = await measureRoofline(device);
  device.startProfile();
  const start = performance.now();
  let rows: ProfileRow[];
  try {
    await fn();
  } finally {
    rows = await device.stopProfile();
  }
  const wallMs = performance.now() - start;
  const entries = rows.map((row): ProfileEntry => {
    const seconds = row.ms / 1e3;
    const best = peak && Math.max(row.flops / (peak.gflops * 1e9), row.bytes / (peak.gbps * 1e9));
    return {
      ...row,
      gflops: seconds > 0 ? row.flops / seconds / 1e9 : 0,
      gbps: seconds > 0 ? row.bytes / seconds / 1e9 : 0,
      roofline: best === undefined || seconds === 0 ? undefined : best / seconds,
    };
  });
  const kernelMs = entries.reduce((sum, e) => sum + e.ms, 0);
  return {
    entries,
    wallMs,
    kernelMs,
    peak,
    toString: () => table(entries, wallMs, kernelMs, device.info.name),
    [Symbol.for("Deno.customInspect")]: () => table(entries, wallMs, kernelMs, device.info.name),
    [Symbol.for("Jupyter.display")]: () => display(entries, wallMs, kernelMs, device.info.name),
  } as Profile;
}

const HEAD = ["kernel", "calls", "ms", "GFLOP/s", "GB/s", "of roofline"];

function cells(e: ProfileEntry): string[] {
  const share = e.roofline === undefined ? "" : `${(100 * e.roofline).toFixed(0)} %`;
  return [e.kernel, String(e.count), e.ms.toFixed(2), e.gflops.toFixed(1), e.gbps.toFixed(1), share];
}

function summary(wallMs: number, kernelMs: number, name: string): string {
  return `${name}: ${wallMs.toFixed(1)} ms in all, ${
    kernelMs.toFixed(1)
  } ms in kernels, the rest is waiting and host work`;
}

function table(entries: readonly ProfileEntry[], wallMs: number, kernelMs: number, name: string): string {
  const rows = [HEAD, ...entries.map(cells)];
  const widths = HEAD.map((_, c) => Math.max(...rows.map((r) => r[c].length)));
  const lines = rows.map((r) => r.map((s, c) => c === 0 ? s.padEnd(widths[c]) : s.padStart(widths[c])).join("  "));
  return [...lines, summary(wallMs, kernelMs, name)].join("\n");
}

function display(
  entries: readonly ProfileEntry[],
  wallMs: number,
  kernelMs: number,
  name: string,
): Record<string, string> {
  const row = (tag: string, r: readonly string[]) =>
    `<tr>${r.map((s) => `<${tag}>${escapeHtml(s)}</${tag}>`).join("")}</tr>`;
  return {
    "text/html": `<table>${row("th", HEAD)}${entries.map((e) => row("td", cells(e))).join("")}</table><small>${
      escapeHtml(summary(wallMs, kernelMs, name))
    }</small>`,
    "text/plain": table(entries, wallMs, kernelMs, name),
  };
}
