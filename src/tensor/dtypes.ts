import { type Device, type DType, DTYPES } from "../device/mod.ts";
import { requireType } from "../ops/run.ts";

/** Refuses a dtype that does not exist, or that the device does not have. Throws a `TypeError`. */
export function requireDType(device: Device, dtype: DType): void {
  if (!DTYPES.includes(dtype)) {
    throw new TypeError(`Expected a dtype (${DTYPES.join(", ")}), got ${JSON.stringify(dtype)}`);
  }
  requireType(device, dtype);
}
