/**
 * Colours that stay apart for colour-blind readers.
 *
 * `categorical` is the palette of Okabe and Ito (2008), "Color Universal Design", reordered so that the first ones are
 * the strongest on white; `sequential` samples viridis (van der Walt and Smith, 2015), which rises evenly in lightness;
 * `diverging` runs from blue through near-white to red with about equal lightness at equal distance from the middle.
 */
export const palette: {
  readonly categorical: readonly string[];
  readonly sequential: readonly string[];
  readonly diverging: readonly string[];
} = {
  categorical: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#f0e442"],
  sequential: [
    "#440154",
    "#482475",
    "#414487",
    "#355f8d",
    "#2a788e",
    "#21918c",
    "#22a884",
    "#44bf70",
    "#7ad151",
    "#bddf26",
    "#fde725",
  ],
  diverging: [
    "#16437e",
    "#2f6fb0",
    "#669fcd",
    "#a5c9e1",
    "#d7e6ef",
    "#f6f6f5",
    "#f7dccb",
    "#ecaf8f",
    "#d57a5c",
    "#b64238",
    "#7f1626",
  ],
};

/** `count` colours evenly along the part from 0 to `end` of a ramp of colours, blended linearly in sRGB. */
export function sampleRamp(ramp: readonly string[], count: number, end = 1): string[] {
  return Array.from({ length: count }, (_, i) => {
    const place = count === 1 ? 0 : (end * i * (ramp.length - 1)) / (count - 1);
    const lower = Math.min(Math.floor(place), ramp.length - 2);
    const [from, to] = [rgb(ramp[lower]), rgb(ramp[lower + 1])];
    const mix = from.map((value, k) => Math.round(value + (place - lower) * (to[k] - value)));
    return `#${mix.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
  });
}

/** The red, green and blue of `#rrggbb`, 0 to 255. */
export function rgb(hex: string): number[] {
  return [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16));
}
