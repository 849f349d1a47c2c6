/**
 * A number over what was varied, as one SVG that stands alone: the colours of the page, light and dark as the reader
 * has it.
 */
import { escapeHtml } from "../page/document.ts";
import { palettes } from "../page/palettes.ts";

/** A measured value with its interval. */
export interface Measured {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface Panel {
  readonly title: string;
  /** Names of the axes. */
  readonly x: string;
  readonly y: string;
  /** What was varied, evenly spaced whatever the values. */
  readonly at: readonly string[];
  /** Points as many as `at`; null where nothing was measured. */
  readonly lines: readonly { readonly label: string; readonly points: readonly (Measured | null)[] }[];
}

const [width, height] = [380, 250];
const frame = { left: 62, right: 18, top: 34, bottom: 46 };
const legendLine = 16;

const colours = (palette: readonly string[]): string =>
  palette.map((colour, place) => `.c${place}{stroke:${colour};fill:${colour}}`).join("");
const style = `svg{--page:#fff;--ink:#1b1f23;--soft:#59626b;--line:#e1e4e8;font:11px system-ui,sans-serif}${colours(palettes.light)}
@media (prefers-color-scheme:dark){svg{--page:#14171a;--ink:#e6e9ec;--soft:#a3abb3;--line:#30363d}${colours(palettes.dark)}}
.page{fill:var(--page)}text{fill:var(--ink)}.soft{fill:var(--soft)}.grid{stroke:var(--line)}polyline{fill:none!important;stroke-width:2}.bar{stroke-width:1.5;opacity:.6}`;

/** Side by side, three in a row. A bar is the interval of its point. */
export function drawPanels(panels: readonly Panel[]): string {
  const across = Math.min(3, Math.max(1, panels.length));
  const legends = Math.max(0, ...panels.map(({ lines }) => (lines.length > 1 ? lines.length : 0)));
  const tall = height + legends * legendLine;
  const drawn = panels.map(
    (panel, index) =>
      `<g transform="translate(${(index % across) * width} ${Math.floor(index / across) * tall})">${drawPanel(panel)}</g>`,
  );
  const [wide, high] = [across * width, Math.ceil(panels.length / across) * tall];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${wide} ${high}" width="${wide}" role="img" aria-label="${escapeHtml(panels.map(({ title }) => title).join("; "))}"><style>${style}</style><rect class="page" width="100%" height="100%"/>${drawn.join("\n")}</svg>\n`;
}

function drawPanel({ title, x: xName, y: yName, at, lines }: Panel): string {
  const bounds = lines.flatMap(({ points }) =>
    points.flatMap((point) => (point === null ? [] : [point.low, point.high, point.value])),
  );
  const ticks = ticksOf(Math.min(...bounds), Math.max(...bounds));
  const [bottom, top] = [ticks[0]!, ticks.at(-1)!];
  const x = (index: number): number =>
    round(frame.left + 14 + (at.length < 2 ? 0.5 : index / (at.length - 1)) * (width - frame.left - frame.right - 28));
  const y = (value: number): number =>
    round(frame.top + (1 - (value - bottom) / (top - bottom)) * (height - frame.top - frame.bottom));
  const scale = ticks.map(
    (tick) =>
      `<line class="grid" x1="${frame.left}" x2="${width - frame.right}" y1="${y(tick)}" y2="${y(tick)}"/><text class="soft" x="${frame.left - 6}" y="${y(tick) + 4}" text-anchor="end">${tickText(tick, ticks)}</text>`,
  );
  const names = at.map(
    (text, index) =>
      `<text class="soft" x="${x(index)}" y="${height - frame.bottom + 16}" text-anchor="middle">${escapeHtml(cut(text))}</text>`,
  );
  const curves = lines.map(({ points, label }, line) => {
    const known = points.flatMap((point, index) => (point === null ? [] : [{ ...point, x: x(index), at: at[index]! }]));
    const look = `c${line % palettes.light.length}`;
    const bars = known.map(
      (point) =>
        `<line class="bar ${look}" x1="${point.x}" x2="${point.x}" y1="${y(point.low)}" y2="${y(point.high)}"/>`,
    );
    const dots = known.map(
      (point) =>
        `<circle class="${look}" cx="${point.x}" cy="${y(point.value)}" r="3.5"><title>${escapeHtml(`${label === "" ? "" : `${label}, `}${point.at}: ${plain(point.value)} (${plain(point.low)} – ${plain(point.high)})`)}</title></circle>`,
    );
    return `<polyline class="${look}" points="${known.map((point) => `${point.x},${y(point.value)}`).join(" ")}"/>${bars.join("")}${dots.join("")}`;
  });
  const key =
    lines.length < 2
      ? []
      : lines.map(
          ({ label }, line) =>
            `<rect class="c${line % palettes.light.length}" x="${frame.left}" y="${height + line * legendLine - 4}" width="16" height="3"/><text x="${frame.left + 22}" y="${height + line * legendLine}">${escapeHtml(label)}</text>`,
        );
  const middle = (frame.top + height - frame.bottom) / 2;
  return [
    `<text x="${frame.left}" y="18" font-weight="600" font-size="13">${escapeHtml(title)}</text>`,
    ...scale,
    ...names,
    `<text class="soft" x="${(frame.left + width - frame.right) / 2}" y="${height - 12}" text-anchor="middle">${escapeHtml(xName)}</text>`,
    `<text class="soft" transform="translate(13 ${middle}) rotate(-90)" text-anchor="middle">${escapeHtml(yName)}</text>`,
    ...curves,
    ...key,
  ].join("");
}

/** Three to six round numbers that hold all values between them. */
export function ticksOf(low: number, high: number): number[] {
  const spread = high - low || Math.abs(high) / 10 || 1;
  const rough = spread / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough)!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

function tickText(tick: number, ticks: readonly number[]): string {
  const step = ticks[1]! - ticks[0]!;
  const largest = Math.max(...ticks.map(Math.abs));
  if (largest >= 1e5 || largest < 1e-3) return tick.toExponential(1);
  return tick.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
}

const plain = (value: number): string => String(Number(value.toPrecision(4)));
const round = (value: number): number => Number(value.toFixed(1));
const cut = (text: string): string => (text.length > 16 ? `${text.slice(0, 15)}…` : text);
