/* The runs at a glance: state, newest numbers, which curves are shown; and, on a live page, pause and stop. */
import { button, byId, duration, element, note, number, redraw } from "./dom.js";
import { swatch } from "./looks.js";

const words = {
  running: "running",
  pausing: "pauses after this step",
  paused: "paused",
  stopping: "stops after this step",
  finished: "finished",
  stopped: "stopped",
  silent: "unfinished, nobody trains it",
  evaluation: "evaluation",
};
/** Headlines that the table has room for. */
const shownNumbers = ["reward", "accuracy", "perceptionKl", "entropy", "length", "evaluation"];

const leftOf = ({ state, step, steps, secondsPerStep }) =>
  state !== "running" || steps === null || secondsPerStep === null || step >= steps
    ? ""
    : `about ${duration(secondsPerStep * (steps - step))} left`;

const endOf = ({ state, ended }) => (state === "silent" ? (ended ?? "") : "");

const ageOf = ({ state, changed }) =>
  changed === null || state === "finished" || state === "evaluation"
    ? ""
    : `last step ${duration((Date.now() - changed) / 1000)} ago`;

export const createRuns = (source, page) => {
  /** The run whose stop waits to be confirmed. */
  let confirming = null;
  let problem = "";

  const act = (run, action) =>
    page.guard(
      (async () => {
        confirming = null;
        problem = (await source.control(run, action)) ?? "";
        draw();
      })(),
    );

  const controls = (run, at) => {
    if (!run.controls) return null;
    if (confirming === at) {
      return element(
        "span",
        { class: "buttons" },
        element("span", {}, "End it after this step, with a checkpoint?"),
        button("Stop the run", () => act(at, "stop"), { class: "danger", "data-key": `confirm ${at}` }),
        button(
          "Go on",
          () => {
            confirming = null;
            draw();
          },
          { "data-key": `keep ${at}` },
        ),
      );
    }
    const waits = run.state === "paused" || run.state === "pausing";
    return element(
      "span",
      { class: "buttons" },
      waits
        ? button("Resume", () => act(at, "resume"), { "data-key": `pause ${at}` })
        : button("Pause", () => act(at, "pause"), { "data-key": `pause ${at}`, disabled: run.state !== "running" }),
      button(
        "Stop",
        () => {
          confirming = at;
          draw();
          byId("run-table").querySelector(`[data-key="keep ${at}"]`)?.focus();
        },
        { "data-key": `stop ${at}`, disabled: run.state === "stopping" },
      ),
    );
  };

  const progress = ({ state, step, steps }) => {
    if (state === "evaluation") return element("span", {}, "–");
    const text =
      steps === null ? step.toLocaleString("en") : `${step.toLocaleString("en")} / ${steps.toLocaleString("en")}`;
    return element(
      "div",
      { class: "progress-cell" },
      element("span", {}, text),
      steps === null ? "" : element("progress", { max: steps, value: step, "aria-label": "steps done" }),
    );
  };

  const row = (run, at, metrics) => {
    const shown = !page.hidden.has(at);
    const flip = () => {
      if (shown) page.hidden.add(at);
      else page.hidden.delete(at);
      draw();
      page.redrawCurves();
    };
    const facts = [
      endOf(run),
      leftOf(run),
      ageOf(run),
      run.secondsPerStep === null ? "" : `${number(run.secondsPerStep)} s a step`,
    ].filter((text) => text !== "");
    return element(
      "tr",
      { class: shown ? "" : "hidden-run" },
      element(
        "th",
        { scope: "row" },
        element(
          "label",
          { class: "run-name" },
          element("input", { type: "checkbox", checked: shown, "data-key": `show ${at}`, onchange: flip }),
          swatch(page.looks[at]),
          element("span", {}, run.name),
        ),
      ),
      element(
        "td",
        { "data-label": "state", class: "left" },
        element(
          "span",
          {},
          element("span", { class: `state ${run.state}` }, words[run.state]),
          facts.length > 0 ? element("small", {}, ` ${facts.join(" · ")}`) : "",
          controls(run, at),
        ),
      ),
      element("td", { "data-label": "steps" }, progress(run)),
      ...metrics.map(({ key, short }) =>
        element("td", { "data-label": short, class: key in run.latest ? "" : "none" }, number(run.latest[key])),
      ),
    );
  };

  const draw = () => {
    const { runs, metrics } = page.overview;
    const columns = metrics.filter(({ key }) => shownNumbers.includes(key.replace("headline/", "")));
    const heads = ["run: tick to draw", "state", "steps", ...columns.map(({ short }) => short)];
    const readOnly = source.live && runs.some((run) => run.controls) && !source.mayControl;
    redraw(
      byId("run-table"),
      element(
        "div",
        { class: "wide" },
        element(
          "table",
          { class: "numbers-table runs-table", "aria-label": "Runs" },
          element(
            "thead",
            {},
            element(
              "tr",
              {},
              ...heads.map((text) => element("th", { scope: "col", class: text === "state" ? "left" : "" }, text)),
            ),
          ),
          element(
            "tbody",
            {},
            ...runs.map((run, at) => row(readOnly ? { ...run, controls: false } : run, at, columns)),
          ),
        ),
      ),
      problem === "" ? null : element("p", { class: "warn", role: "alert" }, problem),
      readOnly ? note("To pause or stop, open the address that the terminal shows: it ends in a token.") : null,
    );
  };

  if (source.live) setInterval(() => confirming === null && page.overview && draw(), 5000);
  return { draw };
};
