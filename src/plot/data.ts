import { nearest } from "../formula/nearest.ts";

/**
 * Rows to draw: an array of records, or an object of equally long columns, which may be typed arrays.
 *
 * Fields hold numbers, strings, booleans or dates. A missing, `null`, NaN or infinite value is a gap. Fields that hold
 * something else (tensors, functions) are left out of the figure.
 */
export type Data = readonly object[] | { readonly [field: string]: ArrayLike<unknown> };

/** What vega-lite calls the type of a field. */
export type FieldType = "quantitative" | "temporal" | "ordinal" | "nominal";

/** A value in the JSON of a figure. */
export type Scalar = number | string | boolean | null;

/** One row in the JSON of a figure. */
export type Row = Record<string, Scalar>;

/** Data with every value checked and turned into JSON. */
export interface Table {
  readonly rows: readonly Row[];
  /** The type that the values of a field imply, in the order of the fields. */
  readonly types: ReadonlyMap<string, FieldType>;
  /** What a field holds that cannot be drawn. */
  readonly unusable: ReadonlyMap<string, string>;
}

/**
 * Checks data and turns it into rows of JSON values.
 *
 * @throws {TypeError} If the data is neither records nor columns, columns differ in length, or a field mixes kinds.
 * @throws {RangeError} If there are no rows.
 */
export function toTable(data: Data): Table {
  const { length, columns } = Array.isArray(data) ? recordColumns(data) : namedColumns(data);
  if (length === 0) throw new RangeError("Cannot plot empty data: expected at least one row");
  const rows: Row[] = Array.from({ length }, () => ({}));
  const types = new Map<string, FieldType>();
  const unusable = new Map<string, string>();
  for (const [field, column] of columns) {
    const kinds = new Set<string>();
    for (let i = 0; i < length; i++) {
      const kind = kindOf(column[i]);
      if (kind !== "missing") kinds.add(kind);
    }
    const strange = [...kinds].find((kind) => !(kind in typeOfKind));
    if (strange !== undefined) {
      unusable.set(field, strange);
      continue;
    }
    if (kinds.size > 1) {
      throw new TypeError(`Expected field "${field}" to hold values of one kind, got ${[...kinds].join(" and ")}`);
    }
    types.set(field, typeOfKind[[...kinds][0] ?? "number"]);
    for (let i = 0; i < length; i++) rows[i][field] = toScalar(column[i], column);
  }
  return { rows, types, unusable };
}

/**
 * The type of a field that a channel names.
 *
 * @throws {TypeError} If the field does not exist or holds something that cannot be drawn.
 */
export function fieldType(table: Table, field: string): FieldType {
  const type = table.types.get(field);
  if (type !== undefined) return type;
  const strange = table.unusable.get(field);
  if (strange !== undefined) {
    throw new TypeError(`Expected field "${field}" to hold numbers, strings, booleans or dates, got ${strange}`);
  }
  throw unknownField(field, [...table.types.keys(), ...table.unusable.keys()]);
}

/** The error for a field that does not exist, with the nearest one that does. */
export function unknownField(field: string, fields: readonly string[]): TypeError {
  const guess = nearest(field, fields);
  const hint = guess === undefined
    ? `the fields are ${fields.map((f) => `"${f}"`).join(", ")}`
    : `did you mean "${guess}"?`;
  return new TypeError(`Unknown field "${field}", ${hint}`);
}

const typeOfKind: Record<string, FieldType> = {
  number: "quantitative",
  string: "nominal",
  boolean: "nominal",
  date: "temporal",
};

function kindOf(value: unknown): string {
  if (value === undefined || value === null) return "missing";
  if (typeof value === "bigint") return "number";
  if (value instanceof Date) return "date";
  return typeof value === "object" ? value.constructor?.name ?? "object" : typeof value;
}

function toScalar(value: unknown, column: ArrayLike<unknown>): Scalar {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) return null;
    return column instanceof Float32Array ? shortest(value, Math.fround, 6) : shortestHalf(value, column);
  }
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  return (value ?? null) as Scalar;
}

function shortestHalf(value: number, column: ArrayLike<unknown>): number {
  return column instanceof Float16Array ? shortest(value, Math.f16round, 3) : value;
}

/** The number with the fewest digits that rounds to the same float: 0.1 for the float32 0.10000000149011612. */
function shortest(value: number, round: (x: number) => number, digits: number): number {
  for (let precision = digits; precision < 10; precision++) {
    const short = Number(value.toPrecision(precision));
    if (round(short) === value) return short;
  }
  return value;
}

interface Columns {
  readonly length: number;
  readonly columns: ReadonlyMap<string, ArrayLike<unknown>>;
}

function recordColumns(records: readonly object[]): Columns {
  const columns = new Map<string, unknown[]>();
  records.forEach((record, i) => {
    if (typeof record !== "object" || record === null || Array.isArray(record) || ArrayBuffer.isView(record)) {
      const got = Array.isArray(record) || ArrayBuffer.isView(record) ? "an array" : String(record);
      throw new TypeError(`Expected "data" to be an array of records or an object of columns, got ${got} in row ${i}`);
    }
    for (const [field, value] of Object.entries(record)) {
      let column = columns.get(field);
      if (column === undefined) columns.set(field, column = new Array(records.length));
      column[i] = value;
    }
  });
  return { length: records.length, columns };
}

function namedColumns(data: unknown): Columns {
  if (typeof data !== "object" || data === null || ArrayBuffer.isView(data)) {
    const got = ArrayBuffer.isView(data) ? "a typed array" : String(data);
    throw new TypeError(`Expected "data" to be an array of records or an object of columns, got ${got}`);
  }
  const columns = new Map<string, ArrayLike<unknown>>();
  for (const [field, column] of Object.entries(data)) {
    if (!Array.isArray(column) && !(ArrayBuffer.isView(column) && !(column instanceof DataView))) {
      throw new TypeError(`Expected column "${field}" to be an array, got ${kindOf(column)}`);
    }
    columns.set(field, column as ArrayLike<unknown>);
  }
  const lengths = new Set([...columns.values()].map((column) => column.length));
  if (lengths.size > 1) {
    const listing = [...columns].map(([field, column]) => `"${field}" has ${column.length}`).join(", ");
    throw new TypeError(`Expected columns of one length, got: ${listing}`);
  }
  return { length: [...lengths][0] ?? 0, columns };
}
