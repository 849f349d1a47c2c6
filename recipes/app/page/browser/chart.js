/*
 * One chart: heading, what it shows and which way is good, values under the pointer, the plot. Arrow keys move the
 * pointer.
 */
import { element, number } from "./dom.js";
import { colourOf } from "./looks.js";
import { plotOptions } from "./plot.js";

const directions = {
  up: ["↑", "higher is better"],
  down: ["↓", "lower is better"],
  none: ["↔", "neither way is good in itself"],
};
const [height, tallHeight] = [200, 380];

export class Chart {
  #metric;
  #values = element("div", { class: "readout" });
  #spoken = element("div", { class: "unseen", "aria-live": "polite" });
  #holder = element("div", { class: "plot" });
  #context;
  #plot = null;
  #columns = [];
  #signature = "";
  #at = null;

  /** @param context { sync, zoom, alarms } */
  constructor(metric, context) {
    this.#metric = metric;
    this.#context = context;
    const [arrow, words] = directions[metric.better];
    const tall = element(
      "button",
      {
        type: "button",
        class: "quiet",
        title: "larger or smaller",
        "aria-label": `${metric.title}, larger or smaller`,
        onclick: () => this.#toggleTall(),
      },
      "⤢",
    );
    this.figure = element(
      "figure",
      {
        class: "chart",
        tabindex: "0",
        "data-key": `chart ${metric.key}`,
        "aria-label": `${metric.title}, chart; arrow keys read it`,
      },
      element(
        "figcaption",
        {},
        element("div", { class: "chart-head" }, element("h3", {}, metric.title), tall),
        element("p", { class: "about" }, metric.about),
        element(
          "p",
          { class: "about" },
          element("span", { class: `way ${metric.better}` }, `${arrow} ${words}`),
          metric.names === "" ? "" : element("code", {}, metric.names),
        ),
      ),
      this.#values,
      this.#holder,
      this.#spoken,
    );
    this.figure.onkeydown = (event) => this.#key(event);
    this.figure.onblur = () => this.#point(null);
  }

  /** @param drawn { table, columns } of series.js */
  draw({ table, columns }) {
    if (this.#holder.clientWidth === 0) return;
    this.#columns = columns;
    const signature = JSON.stringify([
      columns.map(({ label, kind, look }) => [label, kind, colourOf(look), look]),
      this.#holder.clientWidth,
      this.#height(),
    ]);
    if (table[0].length === 0) {
      this.#drop();
      this.#holder.replaceChildren(element("p", { class: "note" }, "No run shown has a number here."));
    } else if (this.#plot !== null && signature === this.#signature) {
      this.#plot.setData(table);
    } else {
      this.#drop();
      this.#holder.replaceChildren();
      const { sync, zoom, alarms } = this.#context;
      const size = { width: this.#holder.clientWidth, height: this.#height() };
      this.#plot = new uPlot(
        plotOptions({
          columns,
          unit: this.#metric.unit,
          size,
          sync,
          alarms,
          onZoom: zoom,
          onCursor: (at) => this.#read(at),
        }),
        table,
        this.#holder,
      );
      this.#signature = signature;
    }
    this.#read(this.#at);
  }

  remove() {
    this.#drop();
    this.figure.remove();
  }

  #drop() {
    this.#plot?.destroy();
    this.#plot = null;
  }

  #height() {
    return this.figure.classList.contains("tall") ? tallHeight : height;
  }

  #toggleTall() {
    this.figure.classList.toggle("tall");
    if (this.#plot !== null) this.draw({ table: this.#plot.data, columns: this.#columns });
  }

  /** Values at a row of the table: of the newest step of each line where the pointer is elsewhere. */
  #read(at) {
    this.#at = at;
    if (this.#plot === null) {
      this.#values.replaceChildren();
      return;
    }
    const [steps, ...rest] = this.#plot.data;
    const row = at === null || at >= steps.length ? null : at;
    const entries = this.#columns.flatMap(({ kind, label, look, line }, column) => {
      if (kind !== "line") return [];
      const place = row ?? rest[column].findLastIndex((value) => value !== null);
      const value = rest[column][place] ?? null;
      const raw = line.steps.indexOf(steps[place]);
      const was =
        raw < 0
          ? ""
          : line.low === undefined
            ? number(line.mean[raw])
            : `${number(line.low[raw])} … ${number(line.high[raw])}`;
      const entry = element(
        "span",
        { class: "value", title: label },
        element("b", {}, number(value)),
        was === "" || was === number(value) ? "" : element("small", {}, ` ${was}`),
      );
      entry.style.color = colourOf(look);
      return [entry];
    });
    this.#values.replaceChildren(
      element("span", { class: "where" }, row === null ? "newest" : `step ${steps[row].toLocaleString("en")}`),
      ...entries,
    );
  }

  /** Put the pointer on a row of the table, here and in all charts; nowhere for null. */
  #point(row) {
    if (this.#plot === null) return;
    if (row === null) {
      this.#plot.setCursor({ left: -10, top: -10 }, true, true);
      return;
    }
    const [steps] = this.#plot.data;
    this.#plot.setCursor({ left: this.#plot.valToPos(steps[row], "x"), top: 10 }, true, true);
    this.#spoken.textContent = this.#values.innerText.replaceAll("\n", " ");
  }

  #key(event) {
    if (this.#plot === null || event.target !== this.figure) return;
    const last = this.#plot.data[0].length - 1;
    const now = this.#at ?? last;
    const stride = event.shiftKey ? 10 : 1;
    const moves = { ArrowLeft: now - stride, ArrowRight: now + stride, Home: 0, End: last };
    if (event.key === "Escape") this.#point(null);
    else if (event.key in moves) this.#point(Math.min(last, Math.max(0, moves[event.key])));
    else return;
    event.preventDefault();
  }
}
