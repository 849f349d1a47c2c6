/* What the page's scripts share. Every foreign text becomes a text node or an attribute set by name: nothing is parsed as HTML. */
globalThis.page = (() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);

  const element = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node[name] = value;
      else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children);
    return node;
  };

  const number = (value) => (value === null || value === undefined ? "–" : Number(value.toPrecision(3)).toString().replace("-", "−"));

  const picture = ({ view, picture: index }) => {
    const shown = index === null ? element("div", { class: "missing" }, "no file") : element("img", { src: data.pictures[index], alt: `${view} picture` });
    return element("figure", {}, shown, element("figcaption", {}, view));
  };

  const chip = (label, value, kind) => element("span", { class: `chip ${kind}` }, element("small", {}, label), " ", value);

  /** A choice of [value, text] pairs; `all` stands for no choice, where it is given. */
  const select = (label, options, chosen, choose, all = "all") => {
    const none = all === null ? [] : [element("option", { value: "" }, all)];
    const box = element("select", { onchange: (event) => choose(event.target.value) }, ...none, ...options.map(([value, text]) => element("option", { value }, text)));
    box.value = chosen;
    return element("label", {}, `${label} `, box);
  };

  return { data, element, number, picture, chip, select };
})();
