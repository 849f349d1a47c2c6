/*
 * Tables, bars and notes of a section. On a narrow screen each row of a table stands for itself, every cell with its
 * column's name.
 */
import { element, note } from "./dom.js";

const cellOf = (cell, label) =>
  cell === null
    ? element("td", { class: "none", "data-label": label }, "–")
    : element(
        "td",
        { "data-label": label },
        element(
          "span",
          {},
          element("b", {}, cell.text),
          cell.small === undefined ? "" : element("small", {}, ` ${cell.small}`),
        ),
      );

/** Neighbours of equal group as one head over theirs. */
const headRows = ({ corner, columns }) => {
  const corners = (rowspan) => corner.map((text) => element("th", { rowspan, scope: "col", class: "left" }, text));
  if (columns.every(({ group }) => group === undefined))
    return [element("tr", {}, ...corners(1), ...columns.map(({ text }) => element("th", { scope: "col" }, text)))];
  const groups = [];
  for (const column of columns) {
    if (column.group !== undefined && groups.at(-1)?.group === column.group) groups.at(-1).columns.push(column);
    else groups.push({ group: column.group, columns: [column] });
  }
  const upper = groups.flatMap(({ group, columns: own }) =>
    group === undefined
      ? own.map(({ text }) => element("th", { rowspan: 2, scope: "col" }, text))
      : [element("th", { colspan: own.length, scope: "colgroup" }, group)],
  );
  const lower = groups.flatMap(({ group, columns: own }) =>
    group === undefined ? [] : own.map(({ text }) => element("th", { scope: "col" }, text)),
  );
  return [element("tr", {}, ...corners(2), ...upper), element("tr", {}, ...lower)];
};

const labelOf = ({ text, group }) => (group === undefined ? text : `${group}, ${text}`);

const tableOf = (table) => {
  const labels = table.columns.map(labelOf);
  const grouped = table.corner.length > 1;
  const bodies = table.groups.map(({ head, small, rows }) =>
    element(
      "tbody",
      {},
      ...rows.map((row, at) =>
        element(
          "tr",
          row.marked ? { class: "differs" } : {},
          grouped && at === 0
            ? element(
                "th",
                { scope: "rowgroup", rowspan: rows.length },
                head,
                small === undefined ? "" : element("small", {}, ` ${small}`),
              )
            : null,
          element("th", { scope: "row" }, row.head),
          ...row.cells.map((cell, column) => cellOf(cell, labels[column])),
        ),
      ),
    ),
  );
  return element(
    "div",
    { class: "wide" },
    element(
      "table",
      { class: table.words === true ? "words-table" : "numbers-table", "aria-label": table.caption },
      element("thead", {}, ...headRows(table)),
      ...bodies,
    ),
  );
};

const percent = (share) => (100 * share).toFixed(1);

const barsOf = ({ classes, bars }) => {
  const key = element(
    "div",
    { class: "legend" },
    ...classes.map(({ name, look }) => element("span", { class: "key" }, element("i", { class: look }), name)),
  );
  const piece = (share, { name, look }) => {
    const part = element(
      "span",
      { class: look, title: `${name}: ${percent(share)} %` },
      share >= 0.06 ? percent(share) : "",
    );
    part.style.width = `${100 * share}%`;
    return part;
  };
  const lines = bars.flatMap(({ label, shares }) => [
    element("div", { class: "bar-label" }, label),
    element(
      "div",
      {
        class: "bar",
        role: "img",
        "aria-label": `${label}: ${shares.map((share, at) => `${classes[at].name} ${percent(share)} %`).join(", ")}`,
      },
      ...shares.map((share, at) => (share > 0 ? piece(share, classes[at]) : "")),
    ),
  ]);
  return element("div", {}, key, element("div", { class: "bars" }, ...lines));
};

const kinds = {
  table: tableOf,
  bars: barsOf,
  heading: ({ text }) => element("h3", {}, text),
  note: ({ text }) => note(text),
  fold: ({ summary, blocks }) =>
    element("details", {}, element("summary", {}, summary), ...blocks.map((block) => blockOf(block))),
  list: ({ items }) => element("ul", { class: "note" }, ...items.map((item) => element("li", {}, item))),
};

export const blockOf = (block) => kinds[block.kind](block);
