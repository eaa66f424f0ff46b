/**
 * Small ONNX models, written at run time: the protocol-buffer bytes of a graph of operators.
 *
 * @see {@link https://github.com/onnx/onnx/blob/main/onnx/onnx.proto} for the numbers of the fields.
 *
 * @module
 */

/** Element types, by their numbers in ONNX. */
const TYPES = { float: 1, int32: 6, int64: 7, double: 11 } as const;

/** An element type. */
export type OnnxType = keyof typeof TYPES;

/** An operator of the graph: its inputs and outputs by name. */
export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Whole numbers, lists of them, or texts. */
  readonly attributes?: Readonly<Record<string, number | readonly number[] | string>>;
}

/** A value that comes in or goes out. */
export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
  /** Its sizes; left out for an output whose sizes follow from the graph. */
  readonly shape?: readonly number[];
}

/** A graph. */
export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Numbers that the graph holds. */
  readonly constants?: Readonly<
    Record<string, { type: OnnxType; shape: readonly number[]; values: readonly number[] }>
  >;
}

type Bytes = readonly number[];

function varint(value: number): Bytes {
  // Negative numbers are 64 bits in two's complement.
  let rest = BigInt.asUintN(64, BigInt(value));
  const out: number[] = [];
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  return [...out, Number(rest)];
}

const number = (field: number, value: number): Bytes => [...varint(field << 3), ...varint(value)];

function bytes(field: number, content: Bytes | string): Bytes {
  const data = typeof content === "string" ? [...new TextEncoder().encode(content)] : content;
  return [...varint(field << 3 | 2), ...varint(data.length), ...data];
}

const each = <T>(values: Iterable<T>, encode: (value: T) => Bytes): Bytes => [...values].flatMap(encode);

function attribute(name: string, value: number | readonly number[] | string): Bytes {
  const [kind, content] = typeof value === "string"
    ? [3, bytes(4, value)]
    : typeof value === "number"
    ? [2, number(3, value)]
    : [7, each(value, (v) => number(8, v))];
  return [...bytes(1, name), ...content, ...number(20, kind)];
}

function node({ op, inputs, outputs, attributes = {} }: OnnxNode): Bytes {
  return [
    ...each(inputs, (name) => bytes(1, name)),
    ...each(outputs, (name) => bytes(2, name)),
    ...bytes(4, op),
    ...each(Object.entries(attributes), ([name, value]) => bytes(5, attribute(name, value))),
  ];
}

function value({ name, type, shape }: OnnxValue): Bytes {
  const sizes = shape === undefined ? [] : bytes(2, each(shape, (size) => bytes(1, number(1, size))));
  return [...bytes(1, name), ...bytes(2, bytes(1, [...number(1, TYPES[type]), ...sizes]))];
}

function constant(
  [name, { type, shape, values }]: [string, { type: OnnxType; shape: readonly number[]; values: readonly number[] }],
): Bytes {
  const data = type === "int64"
    ? BigInt64Array.from(values, BigInt)
    : type === "int32"
    ? Int32Array.from(values)
    : type === "double"
    ? Float64Array.from(values)
    : Float32Array.from(values);
  return [
    ...each(shape, (size) => number(1, size)),
    ...number(2, TYPES[type]),
    ...bytes(8, name),
    ...bytes(9, [...new Uint8Array(data.buffer)]),
  ];
}

/** The bytes of a model with this graph, in the operators of ONNX 1.12 (opset 17). */
export function onnxModel({ nodes, inputs, outputs, constants = {} }: OnnxGraph): Uint8Array {
  const graph = [
    ...each(nodes, (n) => bytes(1, node(n))),
    ...bytes(2, "graph"),
    ...each(Object.entries(constants), (c) => bytes(5, constant(c))),
    ...each(inputs, (v) => bytes(11, value(v))),
    ...each(outputs, (v) => bytes(12, value(v))),
  ];
  return Uint8Array.from([...number(1, 8), ...bytes(7, graph), ...bytes(8, number(2, 17))]);
}
