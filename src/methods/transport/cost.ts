import { nearest } from "../../formula/mod.ts";
import { Tensor, type TensorLike, vjp, withVjp } from "../../tensor/mod.ts";

/** Mean radius of the Earth in km (IUGG, rounded to the whole km). */
export const EARTH_RADIUS_KM = 6371;

/**
 * A cost between points: by name, or a formula over `x[i]` and `y[j]` (further inputs by their own names).
 * `sqeuclidean` |x − y|² · `euclidean` |x − y| · `greatcircle` distance in km on the Earth between (longitude, latitude) in degrees.
 */
export type Cost = "sqeuclidean" | "euclidean" | "greatcircle" | (string & Record<never, never>) | CostFormula;

/** A cost formula with inputs beside the points `x` and `y`. */
export interface CostFormula {
  /** Formula over `x[i]`, `y[j]` and the names of `inputs`. */
  formula: string;
  /** Tensors (rows of x or y, or scalars) and numbers that the formula reads. */
  inputs: Readonly<Record<string, TensorLike>>;
}

/** A cost ready for streaming: the formula and the points that it is evaluated on. */
export interface PreparedCost {
  /** Formula over `x[i]`, `y[j]` and the other inputs. */
  formula: string;
  /** The points `x`, `y` and the other inputs. */
  inputs: Record<string, TensorLike>;
  /** Tensors made here, to be disposed of with the result. */
  owned: Tensor[];
}

const NAMES = ["sqeuclidean", "euclidean", "greatcircle"];

/** Turns a cost into a formula; great circles need the points as vectors of the unit sphere. */
export async function prepareCost(x: Tensor, y: Tensor, cost: Cost): Promise<PreparedCost> {
  if (typeof cost === "object") {
    for (const name of ["x", "y"]) {
      if (Object.hasOwn(cost.inputs, name)) {
        throw new TypeError(`The cost's input "${name}" is taken: x and y are the points`);
      }
    }
    return { formula: cost.formula, inputs: { ...cost.inputs, x, y }, owned: [] };
  }
  if (cost === "greatcircle") {
    const [u, v] = await Promise.all([onSphere("x", x), onSphere("y", y)]);
    // 2·atan2(|u − v|, |u + v|) is the angle between unit vectors, accurate at both ends (arccos and arcsine each lose one).
    const formula = `${2 * EARTH_RADIUS_KM} * atan2(dist(x[i], y[j]), norm(x[i] + y[j]))`;
    return { formula, inputs: { x: u, y: v }, owned: [u, v] };
  }
  if (cost === "sqeuclidean") return { formula: "sqdist(x[i], y[j])", inputs: { x, y }, owned: [] };
  if (cost === "euclidean") return { formula: "dist(x[i], y[j])", inputs: { x, y }, owned: [] };
  if (/^[A-Za-z]+$/.test(cost)) {
    const hint = nearest(cost, NAMES);
    throw new TypeError(
      `Unknown cost "${cost}"${hint ? `, did you mean "${hint}"?` : ""}; a formula looks like "sqdist(x[i], y[j])"`,
    );
  }
  return { formula: cost, inputs: { x, y }, owned: [] };
}

/** (longitude, latitude) in degrees `[n, 2]` as unit vectors `[n, 3]`, computed in f64 on the host. */
async function onSphere(name: string, points: Tensor): Promise<Tensor> {
  if (points.rank !== 2 || points.shape[1] !== 2) {
    throw new TypeError(
      `The cost "greatcircle" needs "${name}" as [n, 2] (longitude, latitude in degrees), got [${
        points.shape.join(", ")
      }]`,
    );
  }
  const n = points.shape[0], exact = unitVectors(name, await points.data()), double = points.dtype === "f64";
  const vectors = Tensor.of(
    points.device,
    double ? exact : Float32Array.from(exact),
    [n, 3],
    double ? "f64" : "f32",
  );
  await withVjp("greatcircle", { points }, { vectors }, ({ inputs, cotangents }) => {
    using joined = vjp(sphereVectors, inputs.points);
    return { points: joined.pullback(cotangents.vectors)[0] };
  });
  return vectors;
}

/** (longitude, latitude) in degrees as vectors of the unit sphere, three numbers each. */
export function unitVectors(name: string, degrees: ArrayLike<number>): Float64Array<ArrayBuffer> {
  const n = degrees.length / 2, out = new Float64Array(3 * n);
  for (let k = 0; k < n; k++) {
    const lon = degrees[2 * k] * Math.PI / 180, lat = degrees[2 * k + 1] * Math.PI / 180;
    if (Math.abs(degrees[2 * k + 1]) > 90) {
      throw new RangeError(
        `Expected latitudes from -90 to 90 in "${name}"[:, 1], got ${degrees[2 * k + 1]} at row ${k}`,
      );
    }
    out[3 * k] = Math.cos(lat) * Math.cos(lon);
    out[3 * k + 1] = Math.cos(lat) * Math.sin(lon);
    out[3 * k + 2] = Math.sin(lat);
  }
  return out;
}

/** The same on the device, to differentiate. */
function sphereVectors(degrees: Tensor): Tensor {
  const [lon, lat] = [0, 1].map((k) => degrees.slice(null, [k, k + 1]).mul(Math.PI / 180));
  const inputs = Object.fromEntries(
    ["cos(t) * cos(l)", "cos(t) * sin(l)", "sin(t)"].map((f, k) => [`x${k}`, Tensor.map(f, { l: lon, t: lat })]),
  );
  return Tensor.apply("concatenate", inputs, { axis: 1 }).out;
}
