import { HALF_PI } from "../../wasm/math/arc.ts";
import { TWO_OVER_PI } from "../../wasm/math/payne_hanek.ts";
import type { WgslHelper } from "../helper.ts";
import { lf } from "./write.ts";

/** Words of 32 bits that the mantissa is multiplied by. */
const WORDS = 6;

/** The words of 2/π, after two of its integer part: numbers from 2^20 on may begin there. */
const words = ["0", "0", ...TWO_OVER_PI.match(/.{8}/g)!.map((hex) => `0x${hex}`)].map((word) => `${word}u`);

/**
 * The words from number `first` on, as `v0 …`: all words are moved by 32, 16, … 1 or not, since some compilers make ladders
 * of branches of a table.
 */
function window(): string {
  const lines: string[] = [];
  let known = words;
  for (let by = 32; by >= 1; by /= 2) {
    const name = by === 1 ? "v" : `t${by}_`, from = known;
    const count = Math.min(WORDS + by, from.length);
    lines.push(`let far${by} = (first & ${by}u) != 0u;`);
    known = Array.from({ length: count }, (_, k) => {
      lines.push(`let ${name}${k} = select(${from[k]}, ${from[k + by] ?? "0u"}, far${by});`);
      return `${name}${k}`;
    });
  }
  return lines.join("\n  ");
}

/** The product modulo 2^192 of both halves of the mantissa with six words `w0 …`, lowest first, as six limbs `l0 …`. */
function product(): string {
  const lines: string[] = [];
  ["mantissa & 0xfffffffflu", "mantissa >> 32u"].forEach((half, place) => {
    lines.push(`let half${place} = ${half};`, `var carry${place} = 0lu;`);
    for (let k = 0; k + place < WORDS; k++) {
      const limb = `l${k + place}`, sum = `s${place}${k}`;
      lines.push(
        `let ${sum} = half${place} * w${k} + ${limb} + carry${place};`,
        `${limb} = ${sum} & 0xfffffffflu;`,
        `carry${place} = ${sum} >> 32u;`,
      );
    }
  });
  return lines.join("\n  ");
}

const each = (text: (k: number) => string) => Array.from({ length: WORDS }, (_, k) => text(k)).join("\n  ");

/**
 * The angle modulo π/2 of doubles of any size. x = mantissa 2^e: the bits of 2/π whose product with x is a multiple of 4 are
 * left out; the mantissa times the next 192 bits, of which the first two are the quadrant, is exact in all digits that
 * matter (Payne and Hanek 1983).
 */
export const payneHanek: WgslHelper = {
  needs: ["dn_Angle", "dn_isfinite", "dn_nan"],
  text: `fn dn_payne_hanek_f64(x: f64) -> dn_Angle_f64 {
  if (!dn_isfinite_f64(x)) { return dn_Angle_f64(dn_nan_f64(), 0.0lf, 0u); }
  let bits = bitcast<u64>(abs(x));
  let mantissa = (bits & 0xffffffffffffflu) | 0x10000000000000lu;
  // The exponent minus 1075, minus the two bits of the quadrant, counted from the first of the words.
  let start = u32(bits >> 52u) - ${1075 + 2 - 64}u;
  let shift = start & 31u;
  let first = start >> 5u;
  ${window()}
  ${each((k) => `let w${k} = (((u64(v${5 - k}) << 32u) | u64(v${6 - k})) << shift) >> 32u;`)}
  ${each((k) => `var l${k} = 0lu;`)}
  ${product()}
  // The fraction in 128 bits, as a magnitude where it is 1/2 or more.
  let high = (((l5 << 32u) | l4) << 2u) | (l3 >> 30u);
  let low = (((l3 << 32u) | l2) << 2u) | (l1 >> 30u);
  let upper = high >> 63u;
  let flip = select(0lu, 0xfffffffffffffffflu, upper == 1lu);
  let magnitude_low = (low ^ flip) + upper;
  let magnitude = (high ^ flip) + select(0lu, upper, magnitude_low == 0lu);
  // Its leading 53 bits, and the rest, times both parts of π/2.
  let main = f64(magnitude >> 11u) * ${lf(2 ** -53)};
  let rest = f64(magnitude & 2047lu) * ${lf(2 ** -64)} + f64(magnitude_low >> 11u) * ${lf(2 ** -117)};
  let angle = main * ${lf(HALF_PI[0])} + (main * ${lf(HALF_PI[1])} + rest * ${lf(HALF_PI[0])});
  let q = u32((l5 >> 30u) + upper) & 3u;
  let negative = x < 0.0lf;
  return dn_Angle_f64(select(angle, -angle, (upper == 1lu) != negative), 0.0lf, select(q, (4u - q) & 3u, negative));
}`,
};
