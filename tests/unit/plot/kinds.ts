import * as plot from "../../../src/plot/mod.ts";

const iteration = Array.from({ length: 21 }, (_, k) => k);

/** Two series of a residual with a band, as records. */
export const runs = ["Sinkhorn", "Newton"].flatMap((method, i) =>
  iteration.map((k) => {
    const residual = (i === 0 ? 0.7 : 0.3) ** k;
    return {
      iteration: k,
      method,
      residual,
      low: residual / 2,
      high: residual * 2,
      problem: k % 2 === 0 ? "even" : "odd",
    };
  })
);

/** A square around the origin, as GeoJSON. */
export const land = {
  type: "Feature",
  properties: {},
  geometry: { type: "Polygon", coordinates: [[[-20, -20], [-20, 20], [20, 20], [20, -20], [-20, -20]]] },
};

/** The same square as a topology. */
export const topology = {
  type: "Topology",
  objects: { islands: { type: "Point", coordinates: [0, 0] }, land: { type: "Polygon", arcs: [[0]] } },
  arcs: [[[-20, -20], [-20, 20], [20, 20], [20, -20], [-20, -20]]],
};

export const places = {
  lon: [2.3, -74, 139.7],
  lat: [48.9, 40.7, 35.7],
  lon2: [-0.1, -118, 127],
  lat2: [51.5, 34, 37.5],
  mass: [1, 2, 3],
};

/** A function of two indices as a matrix of `shape`. */
export function grid(shape: readonly [number, number], f: (row: number, column: number) => number) {
  const [rows, columns] = shape;
  return {
    data: Float64Array.from({ length: rows * columns }, (_, k) => f(Math.floor(k / columns), k % columns)),
    shape,
  };
}

const at = { x: "iteration", y: { field: "residual", scale: "log" } } as const;
const times = {
  method: ["ours", "theirs", "ours", "theirs"],
  device: ["GPU", "GPU", "CPU", "CPU"],
  time: [1, 2, 3, 4],
};
const days = { day: [0, 1, 2].map((day) => new Date(Date.UTC(2024, 0, 1 + day))), value: [1, 3, 2] };

/** One chart and more of each kind. */
export const kinds: Record<string, () => plot.Chart> = {
  line: () =>
    plot.line(runs, {
      ...at,
      color: "method",
      dash: "method",
      points: true,
      title: "Convergence",
      subtitle: "n = 100",
    }),
  "line with labels": () => plot.line(runs, { ...at, color: "method", labels: true }),
  "line in the order of the data": () =>
    plot.line({ u: [0, 1, 0], v: [0, 1, 2] }, { x: "u", y: "v", order: false, detail: "u" }),
  "line over dates": () => plot.line(days, { x: "day", y: "value" }),
  "line on symlog axes": () =>
    plot.line({ u: [-100, 0, 100], v: [-1, 0.01, 50] }, {
      x: { field: "u", scale: "symlog" },
      y: { field: "v", scale: "sqrt" },
    }),
  scatter: () =>
    plot.scatter(runs, {
      x: "iteration",
      y: "residual",
      color: "method",
      shape: "method",
      size: "high",
      opacity: { value: 0.5 },
    }),
  "scatter with equal units": () => plot.scatter({ u: [0, 4], v: [0, 1] }, { x: "u", y: "v", equalAspect: true }),
  "scatter over a log ramp": () =>
    plot.scatter(runs, { x: "iteration", y: "low", color: { field: "residual", scale: "log" } }),
  area: () => plot.area(runs, { x: "iteration", y: "residual", color: "method" }),
  band: () => plot.area(runs, { x: "iteration", y: { field: "low", scale: "log" }, y2: "high", color: "method" }),
  bar: () => plot.bar(times, { x: "method", y: { field: "time", unit: "ms" }, color: "device" }),
  "bar, lying and grouped": () => plot.bar(times, { y: "method", x: "time", group: "device" }),
  "bar over numbers": () => plot.bar({ n: [64, 128], time: [1, 2] }, { x: "n", y: "time" }),
  histogram: () => plot.bar({ from: [0, 1], to: [1, 2], count: [3, 5] }, { x: "from", x2: "to", y: "count" }),
  rule: () =>
    plot.rule(runs, { x: "iteration", y: { field: "low", scale: "log" }, y2: "high", color: "method", strokeWidth: 2 }),
  "rule at a number": () => plot.rule({ y: 0.5, label: "half" }),
  text: () => plot.text(times, { x: "time", y: "time", text: "method", color: "device", align: "left", dx: 4 }),
  heatmap: () => plot.heatmap([[1, -2], [NaN, 3]], { color: { scheme: "diverging", title: "weight" } }),
  "heatmap of a large matrix": () =>
    plot.heatmap(grid([80, 70], (i, j) => 1 + i * j), { color: { scale: "log", title: "mass" }, origin: "bottom" }),
  "heatmap of a table": () =>
    plot.heatmap(runs, { x: "iteration", y: "method", color: { field: "residual", scale: "log" } }),
  map: () => plot.map(places, { land, color: "mass", size: "mass" }),
  "map of a region with paths": () =>
    plot.map(places, { land: topology, lon2: "lon2", lat2: "lat2", strokeWidth: "mass", extent: "data" }),
  layer: () =>
    plot.layer([
      plot.area(runs, { x: "iteration", y: "low", y2: "high", color: "method" }),
      plot.line(runs, { ...at, y: { ...at.y, title: "marginal error" }, color: "method" }),
      plot.rule({ y: 1e-4, label: "tolerance" }),
      plot.rule({ x: 10, label: "checked here" }),
    ]),
  "layer of a heatmap and categories": () =>
    plot.layer([
      plot.heatmap([[1, 2], [3, 4]]),
      plot.scatter({ u: [0, 1], v: [0, 1], kind: ["a", "b"] }, { x: "u", y: "v", color: "kind" }),
    ]),
  "layer of maps": () =>
    plot.layer([plot.map(places, { land }), plot.map(places, { land, lon2: "lon2", lat2: "lat2" })]),
  facet: () => plot.facet(plot.line(runs, { ...at, color: "method" }), { by: "problem", title: "By problem" }),
  "facet of layers in a grid": () =>
    plot.facet(plot.layer([plot.line(runs, at), plot.rule({ y: 0.01, label: "tolerance" })]), {
      row: "problem",
      column: "method",
      independent: ["y"],
    }),
  "facet with a last row that is not full": () =>
    plot.facet(plot.scatter(runs, { x: "iteration", y: "residual" }), { by: "iteration", columns: 4 }),
  hconcat: () =>
    plot.hconcat([plot.heatmap([[1, 2]]), plot.heatmap([[3, 9]])], { shared: ["color"], title: "Two matrices" }),
  vconcat: () =>
    plot.vconcat([plot.line(runs, { ...at, color: "method" }), plot.bar(times, { x: "method", y: "time" })]),
};
