/*
 * A response token by token, coloured by what is known of each; the pointer or the arrow keys read a token's
 * numbers.
 */
import { element, number } from "./dom.js";

export const colourings = {
  perceptionKl: {
    label: "perception KL",
    about: "how much the token's probability changes when the picture is masked: exp(x) − x − 1, nats",
    missing: "no masked view was scored",
  },
  advantages: {
    label: "advantage",
    about: "what the update does with the token: blue makes it likelier, orange less likely",
    two: true,
    missing: "the step had no advantages",
  },
  entropy: {
    label: "entropy",
    about: "how undecided the policy was before the token: entropy of its whole distribution, nats",
    missing: "no plugin asked for it; EntropyProbePlugin measures it",
  },
  logProbs: {
    label: "surprise",
    about: "−log probability of the token when it was sampled, nats",
    missing: "not logged",
  },
};

/** Values of a rollout's tokens under a colouring. */
const valuesOf = (rollout, key) => (key === "logProbs" ? rollout.logProbs.map((value) => -value) : rollout[key]);

/**
 * Full colour stands for this value: the 98th percentile of a one-sided quantity, the largest size of a two-sided one;
 * null where nothing is known.
 */
export const capOf = (rollouts, key) => {
  const sizes = rollouts
    .flatMap((rollout) => valuesOf(rollout, key))
    .map(Math.abs)
    .sort((a, b) => a - b);
  if (sizes.length === 0) return null;
  const cap = colourings[key].two ? sizes.at(-1) : sizes[Math.min(sizes.length - 1, Math.floor(sizes.length * 0.98))];
  return Math.max(cap, 1e-6);
};

export const shade = (value, key, cap) => {
  const strength = Math.min(1, Math.abs(value) / cap);
  const variable = colourings[key].two ? (value >= 0 ? "--likelier" : "--unlikelier") : "--amount";
  return `rgb(var(${variable}) / ${(0.78 * strength).toFixed(3)})`;
};

const factsOf = (rollout, at) =>
  Object.entries(colourings).flatMap(([key, { label }]) => {
    const value = valuesOf(rollout, key)[at];
    return value === undefined ? [] : [`${label} ${number(value)}`];
  });

/** Whether an environment wrote a token. */
const isGiven = ({ given = [] }, at) => given.some(([from, end]) => at >= from && at < end);

/** @returns the text, and the line that says what is under the pointer */
export const tokenText = (rollout, key, cap) => {
  if (rollout.pieces.length === 0) return [element("p", { class: "response" }, rollout.text)];
  const values = valuesOf(rollout, key);
  const spans = rollout.pieces.map((piece, at) => {
    const span = element(
      "span",
      { "data-at": at, ...(isGiven(rollout, at) ? { class: "given" } : {}) },
      piece === "" ? "·" : piece,
    );
    if (values[at] !== undefined && cap !== null && !isGiven(rollout, at))
      span.style.background = shade(values[at], key, cap);
    return span;
  });
  const facts = element("p", { class: "facts", "aria-live": "polite" });
  let current = -1;
  const show = (at) => {
    spans[current]?.classList.remove("current");
    current = at;
    spans[at].classList.add("current");
    facts.replaceChildren(
      element("code", {}, rollout.pieces[at] === "" ? "(no text)" : rollout.pieces[at]),
      ` ${at + 1} of ${spans.length}: ${isGiven(rollout, at) ? "the environment's" : factsOf(rollout, at).join(" · ")}`,
    );
  };
  const text = element(
    "p",
    {
      class: "response",
      tabindex: "0",
      "data-key": `tokens ${rollout.id}`,
      "aria-label": "response; arrow keys read its tokens",
    },
    ...spans,
    rollout.cut > 0 ? element("em", {}, ` … ${rollout.cut} more tokens`) : "",
  );
  text.onpointerover = ({ target }) => {
    if (target.dataset.at !== undefined) show(Number(target.dataset.at));
  };
  text.onkeydown = (event) => {
    const moves = { ArrowRight: current + 1, ArrowLeft: current - 1, Home: 0, End: spans.length - 1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    show(Math.min(spans.length - 1, Math.max(0, moves[event.key])));
  };
  return [text, facts];
};
