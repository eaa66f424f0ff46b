import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type Chart, type ChartSpec, layer, map } from "../../../src/plot/mod.ts";
import { land, places, topology } from "./kinds.ts";

/** The layers that draw coastlines. */
function coasts(chart: Chart): { data: ChartSpec }[] {
  const flat = (spec: ChartSpec): ChartSpec[] => (Array.isArray(spec.layer) ? spec.layer.flatMap(flat) : [spec]);
  return flat(chart.spec).filter(({ data }) => "values" in ((data ?? {}) as ChartSpec))
    .filter(({ encoding }) => encoding === undefined) as { data: ChartSpec }[];
}

/** The outlines that the geoshape marks draw. */
async function outlines(chart: Chart): Promise<string[]> {
  const shapes = (await chart.toSvg()).matchAll(/mark-shape role-mark[^>]*>(.*?)<\/g>/gs);
  return [...shapes].flatMap(([, group]) => [...group.matchAll(/ d="([^"]+)"/g)].map(([, d]) => d));
}

Deno.test("a map draws each point on a true-area projection of the world", async () => {
  const chart = map(places);
  assertEquals(chart.spec.projection, { type: "equalEarth" });
  assertEquals((await chart.toSvg()).match(/aria-roledescription="circle"/g)?.length, 3);
});

Deno.test("land is drawn from GeoJSON, from a topology and from a file", async () => {
  const [geojson] = coasts(map(places, { land }));
  assertEquals(geojson.data, { values: [land] });
  const [parsed] = coasts(map(places, { land: topology }));
  assertEquals(parsed.data.format, { type: "topojson", feature: "land" });
  const collection = { type: "FeatureCollection", features: [land] };
  assertEquals(coasts(map(places, { land: collection }))[0].data, { values: [land] });
  const path = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(path, JSON.stringify(topology));
    assertEquals(coasts(map(places, { land: path })), coasts(map(places, { land: topology })));
  } finally {
    await Deno.remove(path);
  }
  const without = (await outlines(map(places))).length;
  for (const shape of [land, topology, collection]) {
    assertEquals((await outlines(map(places, { land: shape }))).length, without + 1);
  }
});

Deno.test("of a topology only the land and its arcs are kept, as text", async () => {
  const [island, ring, halves] = [[[7, 7], [8, 8]], topology.arcs[0].slice(0, 3), topology.arcs[0].slice(2)];
  const shared = {
    type: "Topology",
    objects: {
      countries: { type: "Polygon", arcs: [[0]] },
      land: { type: "GeometryCollection", geometries: [{ type: "Polygon", arcs: [[1, ~2]] }] },
    },
    arcs: [island, ring, halves.toReversed()],
  };
  const [{ data }] = coasts(map(places, { land: shared }));
  assertEquals(JSON.parse(data.values as string), {
    type: "Topology",
    objects: { land: { type: "GeometryCollection", geometries: [{ type: "Polygon", arcs: [[0, ~1]] }] } },
    arcs: [ring, halves.toReversed()],
  });
  assertEquals(await outlines(map(places, { land: shared })), await outlines(map(places, { land: topology })));
});

Deno.test("paths follow the sphere", async () => {
  const flight = { lon: [-74], lat: [40.7], lon2: [139.7], lat2: [35.7] };
  const chart = map(flight, { lon2: "lon2", lat2: "lat2" });
  const path = (await outlines(chart)).at(-1)!;
  const heights = [...path.matchAll(/[ML][-\d.]+,([-\d.]+)/g)].map(([, y]) => Number(y));
  assert(heights.length > 2, "Expected the path to be bent");
  // From New York to Tokyo the shortest way leads past the pole, far above both.
  assert(Math.min(...heights) < Math.min(heights[0], heights.at(-1)!) - 40, "Expected the path to pass near the pole");
});

Deno.test("a region is centred on the data, also across the date line", () => {
  const chart = map({ lon: [170, -170], lat: [10, 10] }, { extent: "data" });
  const { rotate, type } = chart.spec.projection as { rotate: number[]; type: string };
  assertEquals(type, "azimuthalEqualArea");
  assertEquals(Math.abs(Math.round(rotate[0])), 180);
  assert(rotate[1] < -10 && rotate[1] > -11, "Expected the centre near ten degrees north");
});

Deno.test("rows without coordinates are left out", async () => {
  const svg = await map({ lon: [10, NaN, 20], lat: [10, 10, NaN] }).toSvg();
  assertEquals(svg.match(/aria-roledescription="circle"/g)?.length, 1);
});

Deno.test("maps over each other share the projection and the land of the first", async () => {
  const chart = layer([map(places, { land, title: "below" }), map(places, { land, lon2: "lon2", lat2: "lat2" })]);
  assertEquals(coasts(chart).length, 1);
  assertEquals(chart.spec.projection, { type: "equalEarth" });
  assertStringIncludes(await chart.toSvg(), ">below<");
});

Deno.test("what cannot be placed on the sphere is refused", () => {
  assertThrows(() => map({ lonn: [1], lat: [2] }), TypeError, 'Unknown field "lon", did you mean "lonn"?');
  assertThrows(
    () => map({ lon: [1], lat: [91] }),
    RangeError,
    'Expected field "lat" to hold degrees within ±90, got 91 in row 0',
  );
  assertThrows(
    () => map({ lon: ["1"], lat: [2] }),
    TypeError,
    'Expected field "lon" to hold degrees, got nominal values',
  );
  assertThrows(() => map(places, { lon2: "lon2" }), TypeError, 'Expected "lon2" and "lat2" together, got only "lon2"');
  assertThrows(
    () => map(places, { extent: "europe" as never }),
    TypeError,
    'Expected "extent" to be "world" or "data", got "europe"',
  );
  assertThrows(
    () => map(places, { land: { type: "Map" } }),
    TypeError,
    'Expected "land" to be a TopoJSON topology or GeoJSON, got type "Map"',
  );
});
