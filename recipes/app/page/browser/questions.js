/* Every question of the evaluations, with each run's answers. */
import { button, byId, chip, element, note, number, pictureFigure, redraw, select, toggle } from "./dom.js";

const pageSize = 10;

const verdictOf = ({ outcome, errorClass }) =>
  outcome === "right" ? (errorClass === null ? "right" : `right, ${errorClass}`) : (errorClass ?? outcome);

const spread = (question) => {
  const shares = question.columns.flatMap((column) => (column === null ? [] : [column.right]));
  return Math.max(...shares) - Math.min(...shares);
};

const answerBlock = (answer) =>
  element(
    "div",
    {},
    element("p", { class: "response" }, answer.text),
    element(
      "p",
      { class: "chips" },
      chip(answer.outcome === "right" ? "✓" : "✗", verdictOf(answer), "verdict-chip"),
      answer.found === null ? null : chip("read as", answer.found),
      answer.note === null ? null : chip("", answer.note),
      answer.consistent === false ? chip("reasoning", "comes to another answer") : null,
      ...Object.entries(answer.parts).map(([name, value]) => chip(name, number(value))),
      ...Object.entries(answer.lost).map(([condition, value]) =>
        chip(`nats a token owes to the picture (${condition})`, number(value)),
      ),
    ),
  );

const columnBlock = (name, column) => {
  const more = column.of - column.answers.length;
  const share = column.of > 1 ? ` · ${number(100 * column.right)} % of ${column.of} right` : "";
  return element(
    "div",
    { class: "column" },
    element("p", { class: "where" }, `${name}${share}`),
    ...column.answers.map(answerBlock),
    more > 0 ? note(`${more} more answers are in the evaluation's questions.jsonl.`) : null,
  );
};

export const createQuestions = (source) => {
  const state = { column: "", verdict: "", category: "", disagree: false, words: "", sort: "asked", shown: pageSize };
  let table = { columns: [], questions: [], total: 0 };

  const at = (question) => question.columns[Number(state.column)];
  const lostOf = (question) => Math.max(0, ...(at(question)?.answers ?? []).flatMap(({ lost }) => Object.values(lost)));
  const orders = {
    asked: ["as asked", () => 0],
    worst: ["least right first", (a, b) => (at(a)?.right ?? 1) - (at(b)?.right ?? 1)],
    spread: ["runs differ most first", (a, b) => spread(b) - spread(a)],
    lost: ["owes most to the picture first", (a, b) => lostOf(b) - lostOf(a)],
  };

  const holds = (question, words) =>
    [
      question.id,
      question.question,
      question.gold,
      ...question.columns.flatMap((one) => one?.answers.map(({ text }) => text) ?? []),
    ].some((text) => text.toLowerCase().includes(words));

  const fitting = () => {
    const words = state.words.toLowerCase();
    const [column, value] = state.category === "" ? [] : JSON.parse(state.category);
    return table.questions
      .filter(
        (question) =>
          at(question) !== null &&
          (state.verdict === "" || at(question).answers.some((answer) => verdictOf(answer) === state.verdict)) &&
          (column === undefined || question.categories[column] === value) &&
          (!state.disagree || spread(question) > 0) &&
          (words === "" || holds(question, words)),
      )
      .sort(orders[state.sort][1]);
  };

  const card = (question) => {
    const read =
      question.expected === null || question.expected === question.gold ? "" : `, read as ${question.expected}`;
    return element(
      "article",
      { class: "sample", tabindex: "0", "data-key": `question ${question.id}` },
      question.views.length === 0
        ? null
        : element("div", { class: "pictures" }, ...question.views.map((view) => pictureFigure(source, view))),
      element(
        "div",
        { class: "words" },
        element("p", { class: "where" }, question.id),
        element(
          "p",
          { class: "question" },
          question.question,
          " ",
          element("small", {}, `answer: ${question.gold}${read}`),
        ),
        element(
          "p",
          { class: "chips" },
          ...Object.entries(question.categories).map(([name, value]) => chip(name, value)),
        ),
        element(
          "div",
          { class: "columns" },
          ...question.columns.flatMap((column, index) =>
            column === null ? [] : [columnBlock(table.columns[index], column)],
          ),
        ),
      ),
    );
  };

  const change = (key) => (value) => {
    state[key] = value;
    state.shown = pageSize;
    draw();
  };

  const filters = () => {
    const verdicts = [
      ...new Set(table.questions.flatMap((question) => at(question)?.answers.map(verdictOf) ?? [])),
    ].sort();
    const categories = [
      ...new Set(
        table.questions.flatMap((question) => Object.entries(question.categories).map((pair) => JSON.stringify(pair))),
      ),
    ].sort();
    return element(
      "div",
      { class: "filters" },
      select(
        "run",
        table.columns.map((name, index) => [String(index), name]),
        state.column,
        change("column"),
        null,
      ),
      select(
        "verdict",
        verdicts.map((verdict) => [verdict, verdict]),
        state.verdict,
        change("verdict"),
      ),
      categories.length > 0
        ? select(
            "category",
            categories.map((pair) => [pair, JSON.parse(pair).join(": ")]),
            state.category,
            change("category"),
          )
        : null,
      select(
        "order",
        Object.entries(orders).map(([key, [label]]) => [key, label]),
        state.sort,
        change("sort"),
        null,
      ),
      table.columns.length > 1
        ? toggle("where runs differ", state.disagree, () => change("disagree")(!state.disagree))
        : null,
      element("input", {
        type: "search",
        placeholder: "words",
        "aria-label": "words",
        value: state.words,
        "data-key": "words",
        onchange: (event) => change("words")(event.target.value),
      }),
    );
  };

  const draw = () => {
    if (table.questions.length === 0) {
      redraw(byId("question-list"), note("Nothing was evaluated."));
      return;
    }
    redraw(byId("question-filters"), filters());
    const found = fitting();
    const rest = found.length - state.shown;
    const cut =
      table.questions.length < table.total
        ? `; of ${table.total.toLocaleString("en")} in all, the rest is in the evaluations' questions.jsonl`
        : "";
    const more = () => {
      state.shown += pageSize;
      draw();
    };
    redraw(
      byId("question-list"),
      note(`${found.length.toLocaleString("en")} of ${table.questions.length.toLocaleString("en")} questions${cut}`),
      ...found.slice(0, state.shown).map(card),
      rest > 0 ? button(`show more (${rest.toLocaleString("en")})`, more) : null,
    );
  };

  const refresh = async () => {
    table = await source.questions();
    if (state.column === "" || Number(state.column) >= table.columns.length)
      state.column = String(Math.max(0, table.columns.length - 1));
    draw();
  };

  return { refresh };
};
