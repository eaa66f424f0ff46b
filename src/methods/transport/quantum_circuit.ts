import { Tensor } from "../../tensor/mod.ts";
import { runScope } from "../../tensor/scope.ts";
import { requireCount } from "./schrodinger_bridge.ts";

/**
 * The simulated circuit of {@linkcode doublyStochastic}. With n = 2^b tokens it has b qubits for the tokens and `auxiliary` more. A layer turns each
 * qubit by RY(α)·RZ(β) and then couples neighbours, the last with the first, by controlled Z gates. Its 2(b + auxiliary)·layers angles are
 * made of the logits as read by rows, m_t, each times its own parameter: angle k is Σ θ_t m_(t mod n²) over t = k, k + angles, ….
 */
export interface CircuitOptions {
  /** Parameters θ, as many as {@linkcode circuitParameters} says. Must be given with `circuit`. */
  theta?: Tensor;
  /** Layers of the circuit. Default 4. */
  layers?: number;
  /** Qubits beside those of the tokens, 0 to 4; they are traced out, which averages 4^auxiliary blocks. Default 1. */
  auxiliary?: number;
}

/** How many parameters the circuit for n tokens has. */
export function circuitParameters(n: number, options: Omit<CircuitOptions, "theta"> = {}): number {
  const { angles } = circuitShape(n, options);
  return angles * Math.ceil(n * n / angles);
}

function circuitShape(n: number, { layers = 4, auxiliary = 1 }: CircuitOptions) {
  if (!(Number.isInteger(n) && n >= 2 && Number.isInteger(Math.log2(n)))) {
    throw new RangeError(`Expected a number of tokens for the circuit that is a power of 2 from 2, got ${n}`);
  }
  requireCount("layers", layers);
  if (!(Number.isInteger(auxiliary) && auxiliary >= 0 && auxiliary <= 4)) {
    throw new RangeError(`Expected "auxiliary" to be a whole number from 0 to 4, got ${auxiliary}`);
  }
  const qubits = Math.log2(n) + auxiliary;
  return { layers, auxiliary, qubits, angles: 2 * qubits * layers };
}

/** A complex matrix, or a stack of them. */
interface Complex {
  re: Tensor;
  im: Tensor;
}

/**
 * D_ij = 2^−a Σ_st |⟨i, s|U|j, t⟩|² for a unitary U of the token qubits i, j and the auxiliary ones s, t: the squared moduli of a unitary matrix
 * sum to 1 along rows and columns, and so does the average over blocks. `[..., n, n]` from logits `[..., n, n]`.
 */
export function circuitMatrix(logits: Tensor, options: CircuitOptions): Promise<Tensor> {
  const n = logits.shape.at(-1)!, { layers, auxiliary, qubits, angles } = circuitShape(n, options), { theta } = options;
  const count = circuitParameters(n, options);
  if (!(theta instanceof Tensor) || theta.rank !== 1 || theta.shape[0] !== count) {
    const got = theta instanceof Tensor ? `[${theta.shape.join(", ")}]` : typeof theta;
    throw new TypeError(
      `Expected "theta" [${count}] with ${layers} layers and ${auxiliary} auxiliary qubits, got ${got}`,
    );
  }
  if (theta.dtype !== logits.dtype || theta.device !== logits.device) {
    throw new TypeError(`Expected "theta" of the logits' type ${logits.dtype} and on their device, got ${theta.dtype}`);
  }
  return runScope(() => {
    const outer = logits.shape.slice(0, -2);
    const places = Array.from({ length: count }, (_, t) => t % (n * n));
    const products = logits.reshape([...outer, n * n]).take(places, -1).mul(theta);
    const turns = products.reshape([...outer, count / angles, angles]).sum(-2).reshape([...outer, layers, qubits, 2]);
    // All layers' matrices at once, [..., layers, N, N], qubit by qubit; the first qubit has the largest stride.
    let all = rotation(turns, 0);
    for (let k = 1; k < qubits; k++) all = kron(all, rotation(turns, k));
    const signs = controlledZ(qubits, logits);
    all = { re: all.re.mul(signs), im: all.im.mul(signs) };
    let u = layerOf(all, 0, outer.length);
    for (let l = 1; l < layers; l++) u = product(layerOf(all, l, outer.length), u);
    const s = 2 ** auxiliary;
    const squares = Tensor.map("x^2 + y^2", { x: u.re, y: u.im }).reshape([...outer, n, s, n, s]);
    return squares.sum(-1).sum(-2).div(s);
  });
}

/** RY(α)·RZ(β) of qubit k in all layers, `[..., layers, 2, 2]`. */
function rotation(turns: Tensor, k: number): Complex {
  const at = (j: number) => turns.slice(...new Array(turns.rank - 2).fill(null), k, j);
  const inputs = { a: at(0), b: at(1) };
  // RZ(β) = diag(e^(−iβ/2), e^(iβ/2)) turns the phases of the columns.
  return {
    re: square(inputs, ["cos(a/2) * cos(b/2)", "-sin(a/2) * cos(b/2)", "sin(a/2) * cos(b/2)", "cos(a/2) * cos(b/2)"]),
    im: square(inputs, ["-cos(a/2) * sin(b/2)", "-sin(a/2) * sin(b/2)", "-sin(a/2) * sin(b/2)", "cos(a/2) * sin(b/2)"]),
  };
}

/** 2×2 matrices of formulas, row by row, along two new axes. */
function square(inputs: Record<string, Tensor>, formulas: readonly string[]): Tensor {
  const parts = formulas.map((f) => Tensor.map(f, inputs).expandDims(-1));
  const named = Object.fromEntries(parts.map((part, k) => [`x${k}`, part]));
  const flat = Tensor.apply("concatenate", named, { axis: parts[0].rank - 1 }).out;
  return flat.reshape([...flat.shape.slice(0, -1), 2, 2]);
}

/** A ⊗ B of stacks of square matrices. */
function kron(a: Complex, b: Complex): Complex {
  const left = (t: Tensor) => t.expandDims(-1).expandDims(-3), right = (t: Tensor) => t.expandDims(-2).expandDims(-4);
  const inputs = { p: left(a.re), q: left(a.im), r: right(b.re), s: right(b.im) };
  const n = a.re.shape.at(-1)! * b.re.shape.at(-1)!, shape = [...a.re.shape.slice(0, -2), n, n];
  return {
    re: Tensor.map("p * r - q * s", inputs).reshape(shape),
    im: Tensor.map("p * s + q * r", inputs).reshape(shape),
  };
}

function product(a: Complex, b: Complex): Complex {
  return {
    re: a.re.matmul(b.re).sub(a.im.matmul(b.im)),
    im: a.re.matmul(b.im).add(a.im.matmul(b.re)),
  };
}

function layerOf({ re, im }: Complex, l: number, axis: number): Complex {
  const at = (t: Tensor) => t.slice(...new Array(axis).fill(null), l);
  return { re: at(re), im: at(im) };
}

/** The diagonal of controlled Z gates between neighbouring qubits, as a column `[N, 1]`. */
function controlledZ(qubits: number, like: Tensor): Tensor {
  const size = 2 ** qubits, signs = like.dtype === "f64" ? new Float64Array(size) : new Float32Array(size);
  // Two qubits have one pair, not the same pair twice, which would do nothing.
  const pairs = qubits === 1 ? 0 : qubits === 2 ? 1 : qubits;
  for (let state = 0; state < size; state++) {
    let flips = 0;
    for (let k = 0; k < pairs; k++) flips += (state >> k) & (state >> ((k + 1) % qubits)) & 1;
    signs[state] = flips % 2 === 0 ? 1 : -1;
  }
  return Tensor.of(like.device, signs, [size, 1], like.dtype);
}
