import type { Device } from "../device/mod.ts";
import type { OpDefinition, Variant, VariantCall } from "./define.ts";
import { typesOf } from "./types_of.ts";
import type { Operand } from "./value.ts";

/** Calls smaller than this many operations and bytes are not worth timing variants for. */
const TUNE_ABOVE = 1 << 24;

/** The variant asked for, or the remembered or newly measured fastest, or the most promising. */
export function choose<P, C extends VariantCall<P>>(
  device: Device,
  op: OpDefinition<P>,
  variants: readonly Variant<C>[],
  call: C,
  wanted: string | undefined,
  record: (variant: Variant<C>) => void,
): Variant<C> {
  if (wanted !== undefined) {
    const found = variants.find((k) => k.name === wanted);
    if (!found) throw new TypeError(`Op "${op.name}" has no kernel "${wanted}"`);
    return found;
  }
  const able = variants.filter((k) => k.deterministic !== false && (!k.when || k.when(call)));
  if (able.length === 0) throw new TypeError(`No kernel of op "${op.name}" can run this call on ${device.info.name}`);
  const rank = new Map(able.map((k) => [k, k.rank?.(call) ?? 0]));
  able.sort((a, b) => rank.get(b)! - rank.get(a)!);
  if (able.length === 1 || !device.tuner.active) return able[0];
  const cost = op.cost(typesOf(call.inputs), call.params, call.outputs);
  if (cost.flops + cost.bytes < TUNE_ABOVE) return able[0];
  const promising = able.filter((k) => rank.get(k)! >= 0);
  if (promising.length < 2) return able[0];
  // With their names: a system library that is there today need not have been there when others raced.
  const key = `${op.name} ${shapeClass(call)}: ${promising.map((k) => k.name).sort()}`;
  const known = promising.find((k) => k.name === device.tuner.winner(key));
  if (known) return known;
  const winner = measure(device, promising, record);
  if (winner) device.tuner.remember(key, winner.name);
  return winner ?? able[0];
}

/** Sizes rounded to powers of two: calls of one class share a winner. */
function shapeClass<P>(call: VariantCall<P>): string {
  const show = (v: Operand) =>
    typeof v === "number" ? "#" : `${v.dtype}[${v.shape.map((s) => s < 2 ? s : 2 ** Math.round(Math.log2(s))).join()}]`;
  return `${Object.values(call.inputs).map(show).join(" ")} > ${Object.values(call.outputs).map(show).join(" ")}`;
}

/** Milliseconds that a measurement of a variant should last: the wait at its end takes some tenths of one, whatever ran before it. */
const SECTION = 3;
/** Most calls in a measurement. */
const MOST = 64;

/** Share of the favourite's time below which another variant is taken: less may be the machine's other work. */
const CLEARLY = 0.9;

/**
 * Times the variants on the call itself, the most promising first, for about a second; undefined where the host has no device clock.
 */
function measure<C>(
  device: Device,
  able: readonly Variant<C>[],
  record: (variant: Variant<C>) => void,
): Variant<C> | undefined {
  const begun = device.time();
  if (begun === undefined) return undefined;
  const late = () => device.time()! - begun > 1000;
  const timed: { variant: Variant<C>; ms: number }[] = [];
  for (const variant of able) {
    if (timed.length > 0 && late()) break;
    const start = device.time()!;
    record(variant);
    // This round compiles too, so it is no measurement; but if it took this long, there is no time for more.
    if (device.time()! - start > 1000) {
      if (timed.length === 0) return variant;
      break;
    }
    timed.push({ variant, ms: Infinity });
  }
  // As often for each: the calls that fill a section if the favourite makes them.
  const first = device.time()!;
  record(timed[0].variant);
  const repeat = Math.max(1, Math.min(MOST, Math.ceil(SECTION / (device.time()! - first))));
  // In turns, so that a busy moment of the machine falls on all of them.
  for (let round = 0; round < 3 && (round === 0 || !late()); round++) {
    for (const one of timed) {
      const start = device.time()!;
      for (let k = 0; k < repeat; k++) record(one.variant);
      one.ms = Math.min(one.ms, device.time()! - start);
    }
  }
  return timed.reduce((best, one) => one.ms < CLEARLY * best.ms ? one : best).variant;
}
