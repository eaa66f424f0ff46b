/** Each tests the bits of its argument, since a driver that is wrong here is wrong about comparisons with NaN too. */
const GUARDS = `
fn guarded_special(bits: u32) -> f32 { var word = bits; return bitcast<f32>(word); }
fn guarded_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }
fn guarded_logarithm(x: f32, value: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let special = guarded_special(select(0x7fc00000u, 0xff800000u, (bits & 0x7fffffffu) == 0u));
  return select(select(special, x, bits == 0x7f800000u), value, (bits - 1u) < 0x7f7fffffu);
}
fn guarded_exp(x: f32) -> f32 { return select(exp(x), x, guarded_nan(x)); }
fn guarded_exp2(x: f32) -> f32 { return select(exp2(x), x, guarded_nan(x)); }
fn guarded_log(x: f32) -> f32 { return guarded_logarithm(x, log(x)); }
fn guarded_log2(x: f32) -> f32 { return guarded_logarithm(x, log2(x)); }
`;

const BUILTINS = /\b(exp2?|log2?)\(/g;

/**
 * A kernel whose exponentials and logarithms of NaN, infinities, zero and negative numbers are those of IEEE 754: for drivers whose
 * builtins give finite numbers there (see `Probes.specials`). WGSL leaves these values open.
 */
export function guardBuiltins(code: string): string {
  const guarded = code.replace(BUILTINS, "guarded_$1(");
  return guarded === code ? code : guarded + GUARDS;
}
