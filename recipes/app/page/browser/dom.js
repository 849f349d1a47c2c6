/*
 * Elements made of data. Every foreign text becomes a text node or an attribute set by name: nothing is parsed as
 * HTML.
 */

const make = (node, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node[name] = value;
    else if (value !== undefined && value !== null && value !== false)
      node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null));
  return node;
};

export const element = (tag, attributes = {}, ...children) => make(document.createElement(tag), attributes, children);

export const drawing = (tag, attributes = {}, ...children) =>
  make(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

export const byId = (id) => document.getElementById(id);

/** New children, with the keyboard's place kept: on the one with the same data-key. */
export const redraw = (container, ...children) => {
  const active = container.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  container.replaceChildren(...children.filter((child) => child !== null));
  if (active !== undefined)
    [...container.querySelectorAll("[data-key]")].find((node) => node.dataset.key === active)?.focus();
};

/** Three significant digits, thousands separated; a minus that is as wide as a plus. */
export const number = (value) => {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  const text =
    size >= 1000
      ? Math.round(value).toLocaleString("en")
      : size > 0 && size < 1e-3
        ? value.toExponential(1)
        : Number(value.toPrecision(3)).toString();
  return text.replace("-", "−");
};

export const count = (value, word) => `${value.toLocaleString("en")} ${word}${value === 1 ? "" : "s"}`;

export const chip = (label, value, kind = "") =>
  element("span", { class: `chip ${kind}` }, label === "" ? "" : element("small", {}, label, " "), value);

export const note = (text) => element("p", { class: "note" }, text);

/** A choice of [value, text] pairs; `all` stands for no choice, where it is given. */
export const select = (label, options, chosen, choose, all = "all") => {
  const none = all === null ? [] : [element("option", { value: "" }, all)];
  const entries = options.map(([value, text]) => element("option", { value }, text));
  const box = element(
    "select",
    { "data-key": `select ${label}`, onchange: (event) => choose(event.target.value) },
    ...none,
    ...entries,
  );
  box.value = chosen;
  return element("label", {}, `${label} `, box);
};

/** A button that is pressed or not. */
export const toggle = (label, pressed, onclick, attributes = {}) =>
  element(
    "button",
    { type: "button", "aria-pressed": String(pressed), "data-key": `toggle ${label}`, onclick, ...attributes },
    label,
  );

export const button = (label, onclick, attributes = {}) =>
  element("button", { type: "button", "data-key": `button ${label}`, onclick, ...attributes }, label);

/** Pictures by view, each with its name under it. */
export const pictureFigure = (source, { view, picture }) => {
  const address = source.picture(picture);
  const shown =
    address === null
      ? element("div", { class: "missing" }, "no file")
      : element("img", { src: address, alt: `${view} picture` });
  return element("figure", {}, shown, element("figcaption", {}, view));
};

export const duration = (seconds) => {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  if (whole < 172_800)
    return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
  return count(Math.round(whole / 86_400), "day");
};
