import type { ChartSpec } from "./chart.ts";

/** Coastlines: a TopoJSON topology, any GeoJSON object, or the path of a file that holds one. */
export type Land = object | string | URL;

/** Indices of the arcs of a geometry, nested as its rings are; `~k` is arc `k` backwards. */
type Arcs = number | readonly Arcs[];

interface Geometry {
  readonly arcs?: Arcs;
  readonly geometries?: readonly Geometry[];
}

interface Topology {
  readonly objects: Readonly<Record<string, Geometry>>;
  readonly arcs: readonly unknown[];
}

/**
 * The vega-lite data of coastlines.
 *
 * @throws {TypeError} If `land` is neither a topology nor GeoJSON.
 */
export function landData(land: Land): ChartSpec {
  const shape = typeof land === "string" || land instanceof URL ? JSON.parse(Deno.readTextFileSync(land)) : land;
  if (shape?.type === "Topology") {
    const objects = Object.keys(shape.objects);
    const feature = objects.includes("land") ? "land" : objects[0];
    // As text, since notebooks write each number of nested arrays on a line of its own, ten times as long.
    return { values: JSON.stringify(only(shape, feature)), format: { type: "topojson", feature } };
  }
  if (shape?.type === "FeatureCollection") return { values: shape.features };
  if (typeof shape?.type === "string" && ("geometry" in shape || "coordinates" in shape || "geometries" in shape)) {
    return { values: [shape] };
  }
  throw new TypeError(`Expected "land" to be a TopoJSON topology or GeoJSON, got type ${JSON.stringify(shape?.type)}`);
}

/** A topology with one of its objects and the arcs that this one uses: atlases hold all borders as well. */
function only(topology: Topology, name: string): Topology {
  const places = new Map<number, number>();
  const place = (arc: number): number => {
    if (!places.has(arc)) places.set(arc, places.size);
    return places.get(arc)!;
  };
  const renumber = (arcs: Arcs): Arcs => {
    if (typeof arcs !== "number") return arcs.map(renumber);
    return arcs < 0 ? ~place(~arcs) : place(arcs);
  };
  const keep = (geometry: Geometry): Geometry => ({
    ...geometry,
    ...(geometry.arcs !== undefined && { arcs: renumber(geometry.arcs) }),
    ...(geometry.geometries !== undefined && { geometries: geometry.geometries.map(keep) }),
  });
  const objects = { [name]: keep(topology.objects[name]) };
  return { ...topology, objects, arcs: [...places.keys()].map((arc) => topology.arcs[arc]) };
}
