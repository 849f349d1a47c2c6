/* Curves of all runs overlaid. */
import { Chart } from "./chart.js";
import { button, byId, element, redraw, toggle } from "./dom.js";
import { dark } from "./looks.js";
import { bandOf, columnsOf } from "./series.js";

/** Points across a chart: about what its pixels can show. */
const points = 400;

export const createCharts = (source, page) => {
  const sync = uPlot.sync("steps");
  const charts = new Map();
  const state = {
    bands: true,
    weight: null,
    shown: null,
    from: null,
    to: null,
    answer: { bucket: 1, curves: [] },
    asked: 0,
    open: false,
  };

  const severalSeeds = () => new Set(page.overview.runs.map(({ recipe }) => recipe)).size < page.overview.runs.length;

  /** Lines of one metric: one per run, or one per recipe where its seeds are drawn as a band. */
  const linesOf = (key) => {
    const { overview, looks, hidden } = page;
    const curves = state.answer.curves.filter(({ metric, run }) => metric === key && !hidden.has(run));
    if (!state.bands)
      return curves.map((curve) => ({ ...curve, label: overview.runs[curve.run].name, look: looks[curve.run] }));
    const recipes = Map.groupBy(curves, ({ run }) => overview.runs[run].recipe);
    return [...recipes].flatMap(([recipe, own]) => {
      const look = { ...looks[own[0].run], seed: 0 };
      if (own.length === 1) return [{ ...own[0], label: overview.runs[own[0].run].name, look }];
      return [{ ...bandOf(own), label: `${recipe} (${own.length} seeds)`, look }];
    });
  };

  /** Where nobody chose: enough to see the trend, none for a handful of steps. */
  const weight = () =>
    state.weight ?? (Math.max(0, ...state.answer.curves.map(({ steps }) => steps.length)) >= 20 ? 0.8 : 0);

  const draw = () => {
    const holder = byId("charts");
    const shown = page.overview.metrics.filter(({ key }) => state.shown.has(key));
    for (const [key, chart] of charts) {
      if (state.shown.has(key)) continue;
      chart.remove();
      charts.delete(key);
    }
    shown.forEach((metric, at) => {
      const chart =
        charts.get(metric.key) ??
        new Chart(metric, {
          sync,
          zoom,
          alarms: () => page.overview.alarms.filter(({ run, kind }) => kind === "alarm" && !page.hidden.has(run)),
        });
      charts.set(metric.key, chart);
      if (holder.children[at] !== chart.figure) holder.insertBefore(chart.figure, holder.children[at] ?? null);
    });
    for (const { key } of shown) charts.get(key).draw(columnsOf(linesOf(key), weight()));
    byId("charts-note").textContent = describe(shown.length);
  };

  const describe = (shown) => {
    if (page.overview.metrics.length === 0) return "The runs have no metrics yet.";
    if (shown === 0) return "Choose a metric above.";
    const bucket =
      state.answer.bucket > 1
        ? ` A point stands for ${state.answer.bucket} steps: their mean, and the band from their lowest to their highest.`
        : "";
    return `Drag across a chart to zoom.${bucket}`;
  };

  /** Only the newest answer counts. */
  const fetchCurves = async () => {
    const ticket = ++state.asked;
    const answer =
      state.shown.size === 0
        ? { bucket: 1, curves: [] }
        : await source.curves({ metrics: [...state.shown], from: state.from, to: state.to, points });
    if (ticket !== state.asked) return;
    state.answer = answer;
    drawControls();
    draw();
  };

  const zoom = (from, to) => {
    [state.from, state.to] = [from, to];
    page.guard(fetchCurves());
  };

  const choose =
    ({ key }) =>
    () => {
      if (!state.shown.delete(key)) state.shown.add(key);
      page.guard(fetchCurves());
    };

  const metricButtons = (metrics) =>
    element(
      "div",
      { class: "buttons" },
      ...metrics.map((metric) =>
        toggle(metric.short, state.shown.has(metric.key), choose(metric), {
          title: `${metric.title}: ${metric.about}`,
        }),
      ),
    );

  const smoothing = () => {
    const change = (event) => {
      state.weight = Number(event.target.value);
      draw();
    };
    return element(
      "label",
      { class: "slider" },
      "smoothing ",
      element("input", {
        type: "range",
        min: 0,
        max: 0.98,
        step: 0.02,
        value: weight(),
        "data-key": "smoothing",
        oninput: change,
      }),
    );
  };

  const drawControls = () => {
    const { metrics } = page.overview;
    const [first, rest] = [metrics.filter((metric) => metric.first), metrics.filter((metric) => !metric.first)];
    const change = () => {
      state.bands = !state.bands;
      drawControls();
      draw();
    };
    const zoomed =
      state.from === null
        ? []
        : [
            button(`all steps (now ${state.from.toLocaleString("en")} – ${state.to.toLocaleString("en")})`, () =>
              zoom(null, null),
            ),
          ];
    const more =
      rest.length === 0
        ? []
        : [
            element(
              "details",
              { open: state.open, ontoggle: (event) => (state.open = event.target.open) },
              element("summary", { "data-key": "more metrics" }, `${rest.length} more metrics`),
              metricButtons(rest),
            ),
          ];
    redraw(
      byId("chart-controls"),
      metricButtons(first),
      ...more,
      element(
        "div",
        { class: "buttons" },
        smoothing(),
        ...(severalSeeds() ? [toggle("seeds as a band", state.bands, change)] : []),
        ...zoomed,
      ),
    );
  };

  const refresh = async () => {
    if (page.overview.metrics.length === 0) {
      byId("charts-note").textContent = describe(0);
      return;
    }
    state.shown ??= new Set(firstShown(page.overview.metrics));
    await fetchCurves();
  };

  const redrawAll = () => {
    if (state.shown !== null) draw();
  };
  dark.addEventListener("change", redrawAll);
  new ResizeObserver(redrawAll).observe(byId("charts"));
  return { refresh, redraw: redrawAll };
};

const firstShown = (metrics) => {
  const shown = metrics.filter((metric) => metric.shown);
  return (shown.length > 0 ? shown : metrics.slice(0, 6)).map(({ key }) => key);
};
