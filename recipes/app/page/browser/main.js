/* The page: what stands in its sections, and what is drawn anew when something comes. */
import { blockOf } from "./blocks.js";
import { createCharts } from "./charts.js";
import { byId, element, note, redraw } from "./dom.js";
import { dark, looksOf } from "./looks.js";
import { createQuestions } from "./questions.js";
import { createRollouts } from "./rollouts.js";
import { createRuns } from "./runs.js";
import { openSource } from "./source.js";

const source = openSource();
/** What the parts share; `hidden` are runs whose curves are not drawn. */
const page = {
  overview: null,
  looks: [],
  hidden: new Set(),
  redrawCurves: () => charts.redraw(),
  /** A part that fails says so, and the others go on. */
  guard: (work) => work.catch((error) => say(`${error.message}`)),
};
const say = (text) => {
  byId("message").textContent = text;
  byId("message").hidden = text === "";
};

const runs = createRuns(source, page);
const charts = createCharts(source, page);
const rollouts = createRollouts(source, page);
const questions = createQuestions(source);

const alarmItem = ({ run, step, kind, message }) =>
  element(
    "li",
    {},
    element(
      "b",
      {},
      page.overview.runs.length > 1 ? `${page.overview.runs[run].name}, ` : "",
      `step ${step.toLocaleString("en")}`,
    ),
    ` ${kind === "alarm" ? "" : `${kind}: `}${message}`,
  );

const drawAlarms = ({ alarms, alarmCount }) => {
  byId("alarms").hidden = alarmCount === 0;
  for (const link of document.querySelectorAll('a[href="#alarms"]')) {
    link.hidden = alarmCount === 0;
    link.textContent = `Alarms (${alarmCount.toLocaleString("en")})`;
  }
  const more = alarmCount - alarms.length;
  redraw(
    byId("alarm-list"),
    element("ul", { class: "alarms", tabindex: "0", "aria-label": "alarms, newest first" }, ...alarms.map(alarmItem)),
    more > 0 ? note(`${more.toLocaleString("en")} more are in the runs' alarms.jsonl.`) : null,
  );
};

const drawn = new Map();
/** Anew only where something changed: a reader's place in a table stays. */
const drawSection = (id, children, state) => {
  const text = JSON.stringify(state);
  if (drawn.get(id) === text) return;
  drawn.set(id, text);
  redraw(byId(id), ...children());
};

/** With the steps of the run that is under way: it can be seen from another tab. */
const titleOf = ({ title, runs: all }) => {
  const running = all.find(({ state }) => state === "running");
  return running === undefined || running.steps === null ? title : `${running.step}/${running.steps} · ${title}`;
};

const drawOverview = (overview) => {
  page.overview = overview;
  page.looks = looksOf(overview.runs);
  document.title = titleOf(overview);
  runs.draw();
  drawAlarms(overview);
  const { result, ledger, errors, settings } = overview.sections;
  drawSection(
    "result-blocks",
    () => [
      ...overview.verdicts.map((sentence) => element("p", { class: "verdict" }, sentence)),
      ...result.map(blockOf),
    ],
    [overview.verdicts, result],
  );
  for (const [id, blocks] of Object.entries({ ledger, errors, settings }))
    drawSection(`${id}-blocks`, () => blocks.map(blockOf), blocks);
};

/** Where the reader is, in the contents. */
const followReader = () => {
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const mark = () => {
    const sections = [...links.keys()].map(byId).filter((section) => !section.hidden);
    const here = sections.findLast((section) => section.getBoundingClientRect().top < innerHeight / 3) ?? sections[0];
    for (const [id, link] of links) {
      if (id === here?.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  addEventListener("scroll", mark, { passive: true });
  // What is drawn later moves the sections.
  new ResizeObserver(mark).observe(document.body);
};

const nothing = { overview: -1, curves: -1, rollouts: -1, questions: -1 };
let seen = nothing;

/** Fetch what changed. One at a time: changes that come meanwhile are fetched together afterwards. */
let working = false;
let next = null;
const update = async (revisions) => {
  next = revisions;
  if (working) return;
  working = true;
  while (next !== null) {
    const [wanted, before] = [next, seen];
    [next, seen] = [null, wanted];
    const changed = (name) => wanted[name] !== before[name];
    if (changed("overview") || page.overview === null) await page.guard(source.overview().then(drawOverview));
    if (changed("curves")) await page.guard(charts.refresh());
    if (changed("rollouts")) await page.guard(rollouts.refresh());
    if (changed("questions")) await page.guard(questions.refresh());
  }
  working = false;
};

followReader();
dark.addEventListener("change", () => {
  runs.draw();
  rollouts.redraw();
});
if (source.live) {
  source.follow(
    (revisions) => page.guard(update(revisions)),
    (connected) => {
      say(
        connected
          ? ""
          : "The server does not answer: the run or papo watch has ended, or its machine is away. What is shown stays.",
      );
      // Whoever answers again may be another server, which counts its revisions anew.
      if (!connected) seen = nothing;
    },
  );
} else {
  page.guard(update({ overview: 0, curves: 0, rollouts: 0, questions: 0 }));
}
