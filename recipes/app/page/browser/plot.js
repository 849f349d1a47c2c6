/* How uPlot draws a chart's columns. */
import { number } from "./dom.js";
import { colourOf, dashOf } from "./looks.js";

const ink = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();

/** A band's upper edge is followed by its lower one. */
const bandsOf = (columns) =>
  columns.flatMap(({ kind, look }, at) =>
    kind === "high" ? [{ series: [at + 1, at + 2], fill: `${colourOf(look)}2e` }] : [],
  );

const seriesOf = ({ kind, look, line }) => {
  const few = line.steps.length === 1;
  if (kind === "raw") return { stroke: `${colourOf(look)}55`, width: 1, points: { show: false }, spanGaps: true };
  if (kind !== "line") return { stroke: "transparent", width: 0, points: { show: false } };
  return {
    stroke: colourOf(look),
    width: 2,
    dash: dashOf(look),
    points: { show: few, size: 7, fill: colourOf(look) },
    spanGaps: true,
  };
};

/** Thin lines where a run raised an alarm. */
const alarmMarks = (alarms) => (plot) => {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = ink("--warn");
  ctx.globalAlpha = 0.5;
  ctx.setLineDash([3, 3]);
  for (const { step } of alarms()) {
    const x = Math.round(plot.valToPos(step, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
};

/** Of a curve that does not move: 0 lies at the bottom, anything else in the middle. */
const around = (value) => (value === 0 ? [0, 1] : [value - Math.abs(value) / 10, value + Math.abs(value) / 10]);

/** @param what { columns, unit, size, sync, onCursor, onZoom, alarms } */
export const plotOptions = ({ columns, unit, size, sync, onCursor, onZoom, alarms }) => {
  const axis = {
    stroke: ink("--soft"),
    grid: { stroke: ink("--line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
    labelFont: "11px system-ui, sans-serif",
  };
  return {
    ...size,
    legend: { show: false },
    scales: {
      x: { time: false },
      y: {
        range: (_, low, high) =>
          low === null ? [low, high] : low === high ? around(low) : uPlot.rangeNum(low, high, 0.1, true),
      },
    },
    cursor: { sync: { key: sync.key }, points: { size: 7 }, drag: { x: true, y: false, setScale: false } },
    axes: [
      {
        ...axis,
        size: 24,
        label: "step",
        labelSize: 16,
        labelGap: -2,
        values: (_, values) => values.map((value) => (Number.isInteger(value) ? value.toLocaleString("en") : "")),
      },
      {
        ...axis,
        size: 50,
        values: (_, values) => values.map(number),
        ...(unit === "" ? {} : { label: unit, labelSize: 16 }),
      },
    ],
    bands: bandsOf(columns),
    series: [{}, ...columns.map(seriesOf)],
    hooks: {
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 4) return;
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          onZoom(Math.floor(plot.posToVal(left, "x")), Math.ceil(plot.posToVal(left + width, "x")));
        },
      ],
      draw: [alarmMarks(alarms)],
    },
  };
};
