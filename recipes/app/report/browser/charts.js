/* Curves of all runs overlaid. Runs in the reader's browser; uPlot is inlined before it. */
(() => {
  "use strict";
  const { data, element } = globalThis.page;
  // Okabe and Ito's palette, which the common forms of colour blindness keep apart; lighter blues and greens on dark ground.
  const palettes = {
    light: ["#0072b2", "#d55e00", "#009e73", "#b3568f", "#b07d00", "#2f8fc4", "#555555"],
    dark: ["#4cb0f0", "#ff8b3d", "#2ec99c", "#e39ac6", "#f0b93a", "#9ad4ff", "#c8c8c8"],
  };
  const dashes = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const recipes = [...new Set(data.runs.map((run) => run.recipe))];
  const severalSeeds = data.bands.length > 0;
  const sync = uPlot.sync("steps");
  const state = { bands: severalSeeds, smooth: false, hidden: new Set(), shown: new Set() };
  let plots = [];

  const colour = (recipe) => {
    const palette = dark.matches ? palettes.dark : palettes.light;
    return palette[recipes.indexOf(recipe) % palette.length];
  };
  const dash = (recipe) => dashes[recipes.indexOf(recipe) % dashes.length];

  /** What is drawn: one item per run, or one per recipe where its seeds are drawn as a band. */
  const items = () => {
    if (!state.bands) return data.runs.map((run) => ({ label: run.name, recipe: run.recipe, run }));
    const banded = new Map(data.bands.map((band) => [band.recipe, band]));
    return recipes.flatMap((recipe) => {
      const band = banded.get(recipe);
      if (band) return [{ label: `${recipe} (${band.runs.length} seeds)`, recipe, band }];
      return data.runs.filter((run) => run.recipe === recipe).map((run) => ({ label: run.name, recipe, run }));
    });
  };

  const smoothed = (values) => {
    if (!state.smooth) return values;
    return values.map((value, at) => {
      const window = values.slice(Math.max(0, at - 4), at + 1).filter((other) => other !== null);
      return value === null || window.length === 0 ? null : window.reduce((sum, other) => sum + other, 0) / window.length;
    });
  };

  /** Curves of one metric on a common list of steps: [steps, ...curves] and how to draw them. */
  const curvesOf = (metric) => {
    const curves = items().filter((item) => !state.hidden.has(item.label)).flatMap((item) => {
      const { label, recipe } = item;
      if (item.run) return [{ label, recipe, steps: item.run.steps, values: item.run.metrics[metric.key] || [] }];
      const band = item.band.metrics[metric.key];
      if (!band) return [];
      return [
        { label, recipe, steps: band.steps, values: band.mean },
        { label, recipe, steps: band.steps, values: band.high, edge: true },
        { label, recipe, steps: band.steps, values: band.low, edge: true },
      ];
    });
    const steps = [...new Set(curves.flatMap((curve) => curve.steps))].sort((a, b) => a - b);
    const columns = curves.map((curve) => {
      const byStep = new Map(smoothed(curve.values).map((value, at) => [curve.steps[at], value]));
      return steps.map((step) => byStep.get(step) ?? null);
    });
    return { curves, table: [steps, ...columns] };
  };

  const shortNumber = (value) => (value === null || value === undefined ? "–" : Number(value.toPrecision(3)).toString());

  const plotOptions = (curves, width, readout) => {
    const ink = getComputedStyle(document.body).getPropertyValue("--soft").trim();
    const line = getComputedStyle(document.body).getPropertyValue("--line").trim();
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    // Series 0 are the steps, so curve `at` is series `at + 1`; a band's upper edge is followed by its lower one.
    const bands = curves.flatMap((curve, at) => {
      const next = curves[at + 1];
      const isUpper = curve.edge && next?.edge && next.label === curve.label;
      return isUpper ? [{ series: [at + 1, at + 2], fill: `${colour(curve.recipe)}2e` }] : [];
    });
    return {
      width,
      height: 190,
      legend: { show: false },
      scales: { x: { time: false } },
      cursor: { sync: { key: sync.key }, points: { size: 6 }, drag: { x: true, y: false } },
      axes: [{ ...axis, size: 26 }, { ...axis, size: 48, values: (_, values) => values.map(shortNumber) }],
      bands,
      series: [
        {},
        ...curves.map((curve) => ({
          stroke: colour(curve.recipe),
          width: curve.edge ? 0 : 1.8,
          dash: curve.edge ? [] : dash(curve.recipe),
          points: { show: curve.values.length === 1 },
          spanGaps: true,
        })),
      ],
      hooks: { setCursor: [(plot) => readout(plot.cursor.idx)] },
    };
  };

  const drawOne = (metric) => {
    const values = element("div", { class: "readout" }, "\u00a0");
    const holder = element("div", { class: "plot" });
    const figure = element("figure", { class: "chart" }, element("figcaption", {}, metric.title, " ", element("small", {}, metric.names)), values, holder);
    document.getElementById("charts").append(figure);
    const { curves, table } = curvesOf(metric);
    if (table[0].length === 0) {
      holder.append(element("p", { class: "note" }, "No run shown has this metric."));
      return;
    }
    const readout = (index) => {
      values.replaceChildren("\u00a0");
      if (index === null || index === undefined) return;
      values.replaceChildren(`step ${table[0][index]}`);
      curves.forEach((curve, at) => {
        if (curve.edge) return;
        const entry = element("span", {}, shortNumber(table[at + 1][index]));
        entry.style.color = colour(curve.recipe);
        entry.title = curve.label;
        values.append(" ", entry);
      });
    };
    plots.push({ holder, plot: new uPlot(plotOptions(curves, holder.clientWidth, readout), table, holder) });
  };

  const draw = () => {
    plots.forEach(({ plot }) => plot.destroy());
    plots = [];
    document.getElementById("charts").replaceChildren();
    data.metrics.filter((metric) => state.shown.has(metric.key)).forEach(drawOne);
  };

  const legendItem = (item) => {
    const shown = !state.hidden.has(item.label);
    const sample = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    sample.setAttribute("width", "30");
    sample.setAttribute("height", "10");
    const stroke = document.createElementNS("http://www.w3.org/2000/svg", "line");
    const look = { x1: 0, x2: 30, y1: 5, y2: 5, stroke: colour(item.recipe), "stroke-width": 2.5, "stroke-dasharray": dash(item.recipe).join(" ") };
    for (const [name, value] of Object.entries(look)) stroke.setAttribute(name, value);
    sample.append(stroke);
    const toggle = () => {
      if (shown) state.hidden.add(item.label);
      else state.hidden.delete(item.label);
      drawAll();
    };
    return element("button", { type: "button", class: "run", "aria-pressed": String(shown), onclick: toggle }, sample, item.label);
  };

  const option = (label, key) => {
    const change = () => {
      state[key] = !state[key];
      drawAll();
    };
    return element("button", { type: "button", "aria-pressed": String(state[key]), onclick: change }, label);
  };

  const metricButton = (metric) => {
    const toggle = () => {
      if (!state.shown.delete(metric.key)) state.shown.add(metric.key);
      drawAll();
    };
    return element("button", { type: "button", "aria-pressed": String(state.shown.has(metric.key)), onclick: toggle }, metric.title);
  };

  const drawControls = () => {
    document.getElementById("legend").replaceChildren(
      ...items().map(legendItem),
      ...(severalSeeds ? [option("seeds as a band", "bands")] : []),
      option("mean of 5 steps", "smooth"),
    );
    const open = document.querySelector("#metrics details")?.open ?? false;
    const rest = data.metrics.filter((metric) => !metric.first);
    const buttons = (metrics) => element("div", { class: "buttons" }, ...metrics.map(metricButton));
    const summary = element("summary", {}, `${rest.length} more metrics`);
    const more = rest.length === 0 ? [] : [element("details", { open }, summary, buttons(rest))];
    document.getElementById("metrics").replaceChildren(buttons(data.metrics.filter((metric) => metric.first)), ...more);
  };

  const drawAll = () => {
    drawControls();
    draw();
  };

  const atFirst = data.metrics.filter((metric) => metric.shown);
  (atFirst.length > 0 ? atFirst : data.metrics.slice(0, 6)).forEach((metric) => state.shown.add(metric.key));
  if (data.metrics.length === 0) document.getElementById("charts").append(element("p", { class: "note" }, "The runs have no metrics yet."));
  else drawAll();
  dark.addEventListener("change", drawAll);
  addEventListener("resize", () => plots.forEach(({ holder, plot }) => plot.setSize({ width: holder.clientWidth, height: 190 })));
})();
