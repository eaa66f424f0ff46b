/**
 * What an input of a formula is: `plain` is one number per evaluation, `row` is read as `x[i]` or `x[j]`, a scalar per
 * row (`length` undefined, an input of shape `[n]`) or a vector per row (`length` d, an input of shape `[n, d]`).
 */
export type Slot = { readonly kind: "plain" } | { readonly kind: "row"; readonly length?: number };

/** The inputs that a formula may name. Only own properties count. */
export type Signature = Readonly<Record<string, Slot>>;
