/* Sampled responses: the picture, the masked picture, every token coloured. */
import { button, byId, chip, count, element, note, number, pictureFigure, redraw, select, toggle } from "./dom.js";
import { swatch } from "./looks.js";
import { chosen, emptyIndex, extended, orders } from "./rollout-choice.js";
import { capOf, colourings, shade, tokenText } from "./tokens.js";

const pageSize = 12;

export const createRollouts = (source, page) => {
  const state = { run: "", verdict: "", from: "", to: "", order: "newest", colour: null, shown: pageSize };
  const records = new Map();
  let index = emptyIndex();
  let ids = [];
  let visible = [];
  let asked = 0;

  const card = (rollout, cap) => {
    const run = page.overview.runs[rollout.run];
    const { label, missing } = colourings[state.colour];
    const unknown = rollout[state.colour].length === 0 && rollout.pieces.length > 0;
    return element(
      "article",
      {
        class: "sample",
        tabindex: "0",
        "data-key": `rollout ${rollout.id}`,
        "aria-label": `rollout of ${run.name}, step ${rollout.step}, reward ${number(rollout.reward)}`,
      },
      rollout.views.length === 0
        ? null
        : element("div", { class: "pictures" }, ...rollout.views.map((view) => pictureFigure(source, view))),
      element(
        "div",
        { class: "words" },
        element(
          "p",
          { class: "where" },
          swatch(page.looks[rollout.run]),
          ` ${run.name} · step ${rollout.step.toLocaleString("en")} · ${rollout.key}`,
        ),
        element("p", { class: "question" }, rollout.question, " ", element("small", {}, `answer: ${rollout.answer}`)),
        ...tokenText(rollout, state.colour, cap),
        unknown ? note(`No ${label}: ${missing}.`) : null,
        element(
          "p",
          { class: "chips" },
          chip("reward", number(rollout.reward), "strong"),
          ...Object.entries(rollout.parts).map(([name, value]) => chip(name, number(value))),
          ...Object.entries(rollout.notes).map(([name, value]) => chip(name, value, "verdict-chip")),
          rollout.finish === "length" ? chip("ended by", "length limit", "verdict-chip") : null,
        ),
      ),
    );
  };

  const scale = (cap) => {
    const { about, two, label, missing } = colourings[state.colour];
    if (cap === null) return note(`No ${label} in these rollouts: ${missing}.`);
    const stops = two ? [-1, -0.5, 0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
    const bar = element(
      "span",
      { class: "scale" },
      ...stops.map((stop) => {
        const step = element("i", {}, stop === 0 || Math.abs(stop) === 1 ? number(stop * cap) : "");
        step.style.background = shade(stop * cap, state.colour, cap);
        return step;
      }),
    );
    return element("p", { class: "note" }, bar, ` ${about}. Point at a token, or press → on a text, to read it.`);
  };

  const change = (key) => (value) => {
    state[key] = value;
    state.shown = pageSize;
    page.guard(choose());
  };

  const stepBox = (label, key) =>
    element(
      "label",
      {},
      `${label} `,
      element("input", {
        type: "number",
        min: 0,
        class: "step",
        value: state[key],
        "data-key": label,
        onchange: (event) => change(key)(event.target.value),
      }),
    );

  const colourButton = (key) =>
    toggle(colourings[key].label, state.colour === key, () => {
      state.colour = key;
      draw();
    });

  const filters = (cap) => {
    const { runs } = page.overview;
    const verdicts = [...new Set(index.verdictSets.flat())].sort();
    const waiting = index.step.length - state.known;
    return [
      element(
        "div",
        { class: "filters" },
        runs.length > 1
          ? select(
              "run",
              runs.map((run, at) => [String(at), run.name]),
              state.run,
              change("run"),
            )
          : null,
        verdicts.length > 0
          ? select(
              "verdict",
              verdicts.map((verdict) => [verdict, verdict]),
              state.verdict,
              change("verdict"),
            )
          : null,
        select(
          "order",
          Object.entries(orders).map(([key, [label]]) => [key, label]),
          state.order,
          change("order"),
          null,
        ),
        stepBox("from step", "from"),
        stepBox("to step", "to"),
      ),
      element(
        "div",
        { class: "buttons" },
        element("span", { class: "label" }, "tokens coloured by"),
        ...Object.keys(colourings).map(colourButton),
      ),
      scale(cap),
      waiting > 0 ? button(`show ${count(waiting, "new rollout")}`, () => page.guard(choose())) : null,
    ];
  };

  /** How many fit, of how many; and where this is a part, of how many more. */
  const describe = () => {
    const held = index.step.length;
    const fitting =
      ids.length === state.known
        ? count(held, "rollout")
        : `${ids.length.toLocaleString("en")} of ${count(held, "rollout")}`;
    if (index.reading) return `${fitting} read so far; the rest is being read`;
    if (held >= index.total) return fitting;
    return `${fitting}, chosen evenly over the steps from ${index.total.toLocaleString("en")} that were logged: the rest is in the runs' samples.jsonl`;
  };

  const draw = () => {
    const cap = capOf([...records.values()], state.colour);
    const rest = ids.length - visible.length;
    redraw(byId("rollout-filters"), ...(state.known === 0 && !index.reading ? [] : filters(cap)));
    redraw(
      byId("rollout-list"),
      note(state.known === 0 && !index.reading ? "The runs logged no rollouts." : describe()),
      ...visible.map((rollout) => card(rollout, cap)),
      rest > 0 ? button(`show more (${rest.toLocaleString("en")})`, () => page.guard(more())) : null,
    );
  };

  /** Fetch what is to be seen and is not here yet. */
  const show = async () => {
    const ticket = ++asked;
    const wanted = ids.slice(0, state.shown);
    const missing = wanted.filter((id) => !records.has(id));
    const version = index.version;
    const fetched = missing.length === 0 ? [] : await source.rollouts(missing);
    if (ticket !== asked || version !== index.version) return;
    for (const rollout of fetched) if (rollout) records.set(rollout.id, rollout);
    visible = wanted.flatMap((id) => records.get(id) ?? []);
    state.colour ??=
      ["perceptionKl", "advantages", "entropy", "logProbs"].find((key) => capOf(visible, key) !== null) ?? null;
    if (state.colour === null) state.colour = "perceptionKl";
    draw();
  };

  const choose = async () => {
    for (const id of records.keys()) if (!visible.some((rollout) => rollout.id === id)) records.delete(id);
    ids = chosen(index, state);
    state.known = index.step.length;
    await show();
  };

  const more = () => {
    state.shown += pageSize;
    return show();
  };

  /** What is looked at stays where it is: new rollouts wait behind a button, but for the first ones. */
  const refresh = async () => {
    const before = index;
    index = extended(index, await source.rolloutIndex(index.version, index.step.length));
    if (index.version !== before.version) records.clear();
    const fresh =
      index.version !== before.version || state.known === undefined || state.known < pageSize || before.reading;
    if (fresh) await choose();
    else draw();
  };

  return { refresh, redraw: () => state.known !== undefined && draw() };
};
