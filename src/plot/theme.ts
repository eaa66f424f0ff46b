import type { ChartSpec } from "./chart.ts";
import { palette } from "./palette.ts";

/** The families that charts name, widest support first after the one whose metrics are used for layout. */
const FONT = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";
const INK = "#222222";
const AXIS = "#777777";

/**
 * The look of every chart, as a vega-lite `config`: white ground, light grid, no frame, readable sizes and colours that
 * colour-blind readers can tell apart. Give another `config` in a spec of your own to {@linkcode chart}.
 */
export const theme: ChartSpec = {
  background: "#ffffff",
  font: FONT,
  padding: 10,
  view: { stroke: null, continuousWidth: 400, continuousHeight: 260, step: 26 },
  title: {
    anchor: "start",
    frame: "group",
    color: INK,
    fontSize: 14,
    fontWeight: "bold",
    offset: 10,
    subtitleColor: "#555555",
    subtitleFontSize: 12,
    subtitlePadding: 4,
  },
  axis: {
    domainColor: AXIS,
    tickColor: AXIS,
    tickSize: 4,
    gridColor: "#e6e6e6",
    labelColor: INK,
    labelFlush: false,
    labelFontSize: 11,
    labelLimit: 260,
    labelPadding: 4,
    titleColor: INK,
    titleFontSize: 12,
    titleFontWeight: "normal",
    titlePadding: 8,
  },
  axisBand: { grid: false, labelAngle: 0 },
  header: {
    labelColor: INK,
    labelFontSize: 12,
    labelLimit: 320,
    titleColor: INK,
    titleFontSize: 12,
    titleFontWeight: "normal",
  },
  scale: { minSize: 8, maxSize: 220 },
  legend: {
    labelColor: INK,
    labelFontSize: 11,
    labelLimit: 320,
    titleColor: INK,
    titleFontSize: 12,
    titleFontWeight: "normal",
    titleLimit: 320,
    gradientThickness: 12,
    gradientLength: 160,
    tickCount: 5,
    symbolStrokeWidth: 2,
  },
  range: {
    category: palette.categorical,
    ordinal: palette.sequential,
    ramp: palette.sequential,
    heatmap: palette.sequential,
    diverging: palette.diverging,
  },
  mark: { color: palette.categorical[0], tooltip: true },
  line: { strokeWidth: 2, strokeJoin: "round" },
  point: { filled: true, size: 40, opacity: 0.85 },
  rule: { color: INK },
  text: { color: INK, fontSize: 11 },
};
