/** The nearest integer, halves to even; -0 for what rounds to it. */
function nearest(x: number): number {
  const r = Math.round(x);
  const whole = r - x === 0.5 && r % 2 !== 0 ? r - 1 : r;
  return whole === 0 && (x < 0 || Object.is(x, -0)) ? -0 : whole;
}

/** What the floating-point instructions do, by name. */
export const real = {
  abs: Math.abs,
  neg: (a: number): number => -a,
  ceil: Math.ceil,
  floor: Math.floor,
  trunc: Math.trunc,
  nearest,
  sqrt: Math.sqrt,
  add: (a: number, b: number): number => a + b,
  sub: (a: number, b: number): number => a - b,
  mul: (a: number, b: number): number => a * b,
  div: (a: number, b: number): number => a / b,
  min: (a: number, b: number): number => Math.min(a, b),
  max: (a: number, b: number): number => Math.max(a, b),
};

/** What the comparisons do. */
export const order = {
  eq: (a: number, b: number): boolean => a === b,
  ne: (a: number, b: number): boolean => a !== b,
  lt: (a: number, b: number): boolean => a < b,
  gt: (a: number, b: number): boolean => a > b,
  le: (a: number, b: number): boolean => a <= b,
  ge: (a: number, b: number): boolean => a >= b,
};
