import { type Device, type DType, typedArray } from "../../device/mod.ts";
import { Tensor } from "../../tensor/mod.ts";

/**
 * cos and sin of 2π·k/n for whole k and n, to the last digit but one in f64: the angle is reduced to the first octant
 * in integers, where nothing is rounded, so that quarter turns are exact and all eight octants have equal digits.
 */
export function turn(k: number, n: number): { cos: number; sin: number } {
  const eighths = 8 * (((k % n) + n) % n), octant = Math.floor(eighths / n), rest = eighths - octant * n;
  const a = (Math.PI / 4) * ((octant % 2 === 0 ? rest : n - rest) / n), c = Math.cos(a), s = Math.sin(a);
  // Even octants go on from the axis at or before them, odd ones back from the axis after them.
  switch (octant) {
    case 0:
      return { cos: c, sin: s };
    case 1:
      return { cos: s, sin: c };
    case 2:
      return { cos: -s, sin: c };
    case 3:
      return { cos: -c, sin: s };
    case 4:
      return { cos: -c, sin: -s };
    case 5:
      return { cos: -s, sin: -c };
    case 6:
      return { cos: s, sin: -c };
    default:
      return { cos: c, sin: -s };
  }
}

/** Tables on the host that are kept, in bytes: making one takes longer than a transform. */
const KEPT_BYTES = 64e6;

const kept = new Map<string, ReturnType<typeof typedArray>>();
let keptBytes = 0;

/** A table of constants on a device: filled in f64 once, and kept on the host while there is room. */
export function table(
  device: Device,
  dtype: DType,
  key: string,
  shape: readonly number[],
  fill: (data: { [index: number]: number }) => void,
): Tensor {
  const name = `${key}/${dtype}`;
  let data = kept.get(name);
  if (data) {
    // The one used last is forgotten last.
    kept.delete(name);
  } else {
    data = typedArray(dtype, shape.reduce((a, b) => a * b, 1));
    fill(data as { [index: number]: number });
    keptBytes += data.byteLength;
  }
  kept.set(name, data);
  for (const [oldest, { byteLength }] of kept) {
    if (keptBytes <= KEPT_BYTES || oldest === name) break;
    kept.delete(oldest);
    keptBytes -= byteLength;
  }
  return Tensor.of(device, data, shape, dtype);
}
