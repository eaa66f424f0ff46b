import { type ChannelSpec, type Color, encodeColor, encodeMark, type Mark } from "./channel.ts";
import type { Chart, ChartSpec } from "./chart.ts";
import { type Data, fieldType, type Table, toTable } from "./data.ts";
import { figure } from "./figure.ts";
import { type Land, landData } from "./land.ts";
import { bareField, markOptionNames, type MarkOptions, markSpec } from "./mark.ts";
import { checkOptions } from "./options.ts";

/** Options of {@linkcode map}. */
export interface MapOptions extends MarkOptions {
  /** The field of the degrees east; `"lon"` by default. */
  readonly lon?: string;
  /** The field of the degrees north; `"lat"` by default. */
  readonly lat?: string;
  /** With `lat2`, the field of the other end: each row is then the shortest path on the sphere instead of a point. */
  readonly lon2?: string;
  /** The field of the degrees north of the other end. */
  readonly lat2?: string;
  /** Colours by a field, or one for all. */
  readonly color?: Color;
  /** The area of a point in square pixels: from a field, or `{ value: 24 }`, which is the default. */
  readonly size?: Mark;
  /** Of points 0.8 by default, of paths 0.5. */
  readonly opacity?: Mark;
  /** Width of a path: from a field, or `{ value: 1.5 }` pixels, which is the default. */
  readonly strokeWidth?: Mark;
  /** Coastlines to draw under the data; none by default. */
  readonly land?: Land;
  /** `"world"` by default; `"data"` shows the region of the data, in a projection centred there. */
  readonly extent?: "world" | "data";
}

const OPTIONS = [
  ...markOptionNames,
  "lon",
  "lat",
  "lon2",
  "lat2",
  "color",
  "size",
  "opacity",
  "strokeWidth",
  "land",
  "extent",
];

const SEA = "#f3f6f8";
const GRATICULE = "#dde3e8";
const COAST = { fill: "#dcdcd6", stroke: "#b9b9b2" };

/**
 * Draws points, or shortest paths between points, on a map whose areas are true (equal Earth for the world, Lambert
 * azimuthal for a region).
 *
 * @example
 * ```ts
 * import { map } from "denovo/plot/mod.ts";
 *
 * const quakes = [{ lon: 142.4, lat: 38.3, magnitude: 9.1 }, { lon: -73.4, lat: -36.1, magnitude: 8.8 }];
 * map(quakes, { size: "magnitude", title: "Two earthquakes" });
 * ```
 *
 * @throws {TypeError} If a field or an option is unknown, the coordinates are no numbers, or `land` is no map.
 * @throws {RangeError} If there are no rows, or a latitude is beyond ±90 or a longitude beyond ±360 degrees.
 */
export function map(data: Data, options: MapOptions = {}): Chart {
  checkOptions("the options of map", options, OPTIONS);
  const { lon = "lon", lat = "lat", lon2, lat2, color, size, opacity, strokeWidth, land, extent = "world" } = options;
  if ((lon2 === undefined) !== (lat2 === undefined)) {
    throw new TypeError(`Expected "lon2" and "lat2" together, got only "${lon2 === undefined ? "lat2" : "lon2"}"`);
  }
  if (extent !== "world" && extent !== "data") {
    throw new TypeError(`Expected "extent" to be "world" or "data", got "${extent}"`);
  }
  const table = toTable(data);
  for (const [field, most] of [[lon, 360], [lat, 90], [lon2, 360], [lat2, 90]] as const) {
    if (field !== undefined) checkDegrees(table, field, most);
  }
  const isPath = lon2 !== undefined && lat2 !== undefined;
  const ends = isPath ? [[lon, lat], [lon2, lat2]] as const : [[lon, lat]] as const;
  const look = {
    color: color === undefined ? undefined : encodeColor(table, color),
    opacity: opacity === undefined ? undefined : encodeMark(table, "opacity", opacity),
  };
  const drawn = isPath
    ? paths(table, ends, {
      ...look,
      strokeWidth: strokeWidth === undefined ? undefined : encodeMark(table, "strokeWidth", strokeWidth),
    }, options.tooltip)
    : markSpec(table, { type: "circle", size: 24, opacity: 0.8, clip: true }, {
      longitude: bareField(table, lon),
      latitude: bareField(table, lat),
      size: size === undefined ? undefined : encodeMark(table, "size", size),
      ...look,
    }, options.tooltip);
  // vega would put a point without coordinates on the equator.
  drawn.transform = [
    ...ends.flat().map((field) => ({ filter: `isValid(${datum(field)})` })),
    ...(drawn.transform as ChartSpec[] | undefined ?? []),
  ];
  const { width = WIDTH } = options;
  const { height = Math.round(width * HEIGHT_PER_WIDTH[extent]) } = options;
  const projection = extent === "world" ? { type: "equalEarth" } : regionProjection(table, ends, width, height);
  return figure([...background(extent, land), drawn], { ...options, width, height }, { projection });
}

const WIDTH = 560;
const HEIGHT_PER_WIDTH = { world: 0.49, data: 0.7 };

/** Sea, graticule and land. */
function background(extent: "world" | "data", land: Land | undefined): ChartSpec[] {
  const step = extent === "world" ? 30 : 10;
  const mark = (look: ChartSpec) => ({ type: "geoshape", clip: true, tooltip: false, aria: false, ...look });
  return [
    { data: { sphere: true }, mark: mark({ fill: SEA, stroke: null }) },
    { data: { graticule: { step: [step, step] } }, mark: mark({ filled: false, stroke: GRATICULE, strokeWidth: 0.6 }) },
    ...(land === undefined ? [] : [{ data: landData(land), mark: mark({ ...COAST, strokeWidth: 0.5 }) }]),
  ];
}

type Ends = readonly (readonly [lon: string, lat: string])[];

/** Lines that vega bends along the sphere. */
function paths(
  table: Table,
  ends: Ends,
  look: Record<string, ChannelSpec | undefined>,
  tooltip: MapOptions["tooltip"],
): ChartSpec {
  const coordinates = ends.map(([lon, lat]) => `[${datum(lon)}, ${datum(lat)}]`).join(", ");
  const mark = { type: "geoshape", filled: false, strokeWidth: 1.5, opacity: 0.5, clip: true };
  return {
    ...markSpec(table, mark, { shape: { field: PATH, type: "geojson" }, ...look }, tooltip),
    transform: [
      { calculate: `{type: 'Feature', geometry: {type: 'LineString', coordinates: [${coordinates}]}}`, as: PATH },
    ],
  };
}

/** The name of the computed path of a row. */
const PATH = "great circle";

/** Pixels between the data and the edge of a map of their region. */
const MARGIN = 24;

/** An equal-area projection about the middle of the data, as large as shows them all. */
function regionProjection(table: Table, ends: Ends, width: number, height: number): ChartSpec {
  const points = table.rows.flatMap((row) => ends.map(([lon, lat]) => [row[lon], row[lat]]))
    .filter((point): point is [number, number] => point.every((degrees) => degrees !== null));
  const [lon, lat] = sphericalMean(points);
  return {
    type: "azimuthalEqualArea",
    rotate: [-lon, -lat],
    fit: { type: "Feature", properties: {}, geometry: { type: "MultiPoint", coordinates: points } },
    extent: [[MARGIN, MARGIN], [width - MARGIN, height - MARGIN]],
  };
}

/** The direction of the mean of points on the sphere, in degrees. */
function sphericalMean(points: readonly (readonly [number, number])[]): [number, number] {
  const sum = [0, 0, 0];
  for (const [lon, lat] of points.map((point) => point.map((degrees) => degrees * Math.PI / 180))) {
    sum[0] += Math.cos(lat) * Math.cos(lon);
    sum[1] += Math.cos(lat) * Math.sin(lon);
    sum[2] += Math.sin(lat);
  }
  const degrees = (radians: number) => radians * 180 / Math.PI;
  return [degrees(Math.atan2(sum[1], sum[0])), degrees(Math.atan2(sum[2], Math.hypot(sum[0], sum[1])))];
}

/** The value of a field in a vega expression. */
function datum(field: string): string {
  return `datum[${JSON.stringify(field)}]`;
}

function checkDegrees(table: Table, field: string, most: number): void {
  const type = fieldType(table, field);
  if (type !== "quantitative") throw new TypeError(`Expected field "${field}" to hold degrees, got ${type} values`);
  const row = table.rows.findIndex((record) => Math.abs(record[field] as number) > most);
  if (row >= 0) {
    throw new RangeError(
      `Expected field "${field}" to hold degrees within ±${most}, got ${table.rows[row][field]} in row ${row}`,
    );
  }
}
