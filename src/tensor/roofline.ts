import type { Device, ProfileRow } from "../device/mod.ts";
import { allocateValue } from "../ops/value.ts";
import { map } from "../ops/map.ts";
import { run } from "../ops/run.ts";

/** What a device can do at best, measured: a long stream of bytes, and arithmetic that stays in registers. */
export interface Roofline {
  /** Billions of f32 operations per second. */
  gflops: number;
  /** Billions of bytes per second. */
  gbps: number;
}

const known = new WeakMap<Device, Roofline>();

/** 64 multiply-adds on one number: 128 operations for 8 bytes, so that memory does not count. */
const ARITHMETIC = Array.from({ length: 64 }, () => 0).reduce((text) => `(${text}) * 0.99 + x`, "x");

/** Measures a device once; undefined for an adapter without a clock of its own. */
export async function measureRoofline(device: Device): Promise<Roofline | undefined> {
  if (device.info.backend === "webgpu" && !device.info.features.includes("timestamp-query")) return undefined;
  const found = known.get(device);
  if (found) return found;
  const time = async (n: number, formula: string): Promise<number> => {
    const x = allocateValue(device, { shape: [n], dtype: "f32" }, "roofline");
    let best = Infinity;
    for (let round = 0; round < 4; round++) {
      device.startProfile();
      run(device, map, { x }, { out: { formula } }).out.storage.release();
      const rows: ProfileRow[] = await device.stopProfile();
      // The first round compiles.
      if (round > 0) best = Math.min(best, rows.reduce((sum, r) => sum + r.ms, 0));
    }
    x.storage.release();
    return best / 1e3;
  };
  const stream = device.info.software ? 1 << 22 : 1 << 24, chain = device.info.software ? 1 << 20 : 1 << 24;
  const peak = {
    gbps: 8 * stream / (await time(stream, "x + 1")) / 1e9,
    gflops: 128 * chain / (await time(chain, ARITHMETIC)) / 1e9,
  };
  known.set(device, peak);
  return peak;
}
