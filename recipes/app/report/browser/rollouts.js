/* Sample rollouts. Every foreign text becomes a text node or an attribute set by name: nothing is parsed as HTML. */
(() => {
  "use strict";
  const { data, element, number, picture, chip, select } = globalThis.page;
  const pageSize = 12;
  const colourings = {
    perceptionKl: {
      label: "perception KL",
      about: "how much the token's probability changes when the picture is masked: exp(x) − x − 1, nats",
      two: false,
    },
    advantages: { label: "advantage", about: "what the update does with the token: blue makes it likelier, orange less likely", two: true },
    logProbs: { label: "surprise", about: "−log probability of the token when it was sampled, nats", two: false },
  };
  const state = { run: "", step: "", verdict: "", colour: "perceptionKl", shown: pageSize };

  const verdictsOf = (sample) => [...new Set(Object.values(sample.notes))];
  const valuesOf = (sample, key) => (key === "logProbs" ? sample.logProbs.map((value) => -value) : sample[key]);

  /** Full colour stands for this value: the 98th percentile of a one-sided quantity, the largest size of a two-sided one. */
  const caps = Object.fromEntries(Object.entries(colourings).map(([key, { two }]) => {
    const all = data.samples.flatMap((sample) => valuesOf(sample, key)).map(Math.abs).sort((a, b) => a - b);
    const cap = two ? all[all.length - 1] : all[Math.min(all.length - 1, Math.floor(all.length * 0.98))];
    return [key, { cap: Math.max(cap ?? 0, 1e-6), known: all.length > 0 }];
  }));
  if (!caps.perceptionKl.known) state.colour = caps.advantages.known ? "advantages" : "logProbs";

  const shade = (value, key) => {
    const strength = Math.min(1, Math.abs(value) / caps[key].cap);
    const variable = colourings[key].two ? (value >= 0 ? "--likelier" : "--unlikelier") : "--amount";
    return `rgb(var(${variable}) / ${(0.78 * strength).toFixed(3)})`;
  };

  const tokenText = (sample) => {
    if (sample.pieces.length === 0) return element("p", { class: "response" }, sample.text);
    const values = valuesOf(sample, state.colour);
    const spans = sample.pieces.map((piece, at) => {
      const facts = Object.entries(colourings).flatMap(([key, { label }]) => {
        const value = valuesOf(sample, key)[at];
        return value === undefined ? [] : [`${label} ${number(value)}`];
      });
      const span = element("span", { title: facts.join("\n") }, piece === "" ? "·" : piece);
      if (values[at] !== undefined) span.style.background = shade(values[at], state.colour);
      return span;
    });
    const cut = sample.cut > 0 ? [element("em", {}, ` … ${sample.cut} more tokens`)] : [];
    return element("p", { class: "response" }, ...spans, ...cut);
  };

  const card = (sample) => {
    const run = data.runs[sample.run];
    const facts = [
      chip("reward", number(sample.reward), "strong"),
      ...Object.entries(sample.parts).map(([name, value]) => chip(name, number(value), "")),
      ...Object.entries(sample.notes).map(([name, value]) => chip(name, value, "verdict-chip")),
      ...(sample.finish === "length" ? [chip("ended by", "length limit", "verdict-chip")] : []),
    ];
    const noKl = state.colour === "perceptionKl" && sample.perceptionKl.length === 0;
    return element("article", { class: "sample" },
      element("div", { class: "pictures" }, ...sample.views.map(picture)),
      element("div", { class: "words" },
        element("p", { class: "where" }, `${run.name} · step ${sample.step} · ${sample.key}`),
        element("p", { class: "question" }, sample.question, " ", element("small", {}, `answer: ${sample.answer}`)),
        tokenText(sample),
        ...(noKl ? [element("p", { class: "note" }, "This run scored no masked view, so the tokens have no perception KL.")] : []),
        element("p", { class: "chips" }, ...facts)));
  };

  const chosen = () => data.samples.filter((sample) =>
    (state.run === "" || sample.run === Number(state.run)) &&
    (state.step === "" || sample.step === Number(state.step)) &&
    (state.verdict === "" || verdictsOf(sample).includes(state.verdict)));

  const filter = (key, label, options) => select(label, options, state[key], (value) => {
    state[key] = value;
    state.shown = pageSize;
    draw();
  });

  const scale = () => {
    const { about, two } = colourings[state.colour];
    const { cap } = caps[state.colour];
    const stops = two ? [-1, -0.5, 0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
    const bar = element("span", { class: "scale" }, ...stops.map((stop) => {
      const step = element("i", {}, stop === 0 || Math.abs(stop) === 1 ? number(stop * cap) : "");
      step.style.background = shade(stop * cap, state.colour);
      return step;
    }));
    return element("p", { class: "note" }, bar, ` ${about}`);
  };

  const colourButton = (key) =>
    element("button", {
      type: "button",
      "aria-pressed": String(state.colour === key),
      onclick: () => {
        state.colour = key;
        draw();
      },
    }, colourings[key].label);

  const drawFilters = () => {
    const steps = [...new Set(data.samples.map((sample) => sample.step))].sort((a, b) => a - b);
    const verdicts = [...new Set(data.samples.flatMap(verdictsOf))].sort();
    document.getElementById("filters").replaceChildren(
      element("div", { class: "filters" },
        filter("run", "run", data.runs.map((run, at) => [String(at), run.name])),
        filter("step", "step", steps.map((step) => [String(step), String(step)])),
        filter("verdict", "verdict", verdicts.map((verdict) => [verdict, verdict])),
        element("span", { class: "buttons" }, "tokens coloured by ", ...Object.keys(colourings).filter((key) => caps[key].known).map(colourButton))),
      scale());
  };

  const draw = () => {
    const list = document.getElementById("samples");
    if (data.samples.length === 0) {
      list.replaceChildren(element("p", { class: "note" }, "The runs logged no samples."));
      return;
    }
    drawFilters();
    const found = chosen();
    const more = () => {
      state.shown += pageSize;
      draw();
    };
    const rest = found.length - state.shown;
    list.replaceChildren(
      ...(found.length === 0 ? [element("p", { class: "note" }, "No sample fits these filters.")] : found.slice(0, state.shown).map(card)),
      ...(rest > 0 ? [element("button", { type: "button", onclick: more }, `show more (${rest})`)] : []));
  };
  draw();
})();
