/* Every question of the evaluations, with each run's answers. */
(() => {
  "use strict";
  const { data, element, number, picture, chip, select } = globalThis.page;
  const { columns, questions, total } = data.evaluation;
  const pageSize = 10;
  const state = { column: String(Math.max(0, columns.length - 1)), verdict: "", category: "", disagree: false, words: "", sort: "asked", shown: pageSize };

  const verdictOf = ({ outcome, errorClass }) => (outcome === "right" ? (errorClass === null ? "right" : `right, ${errorClass}`) : (errorClass ?? outcome));
  const at = (question) => question.columns[Number(state.column)];
  const lostOf = (question) => Math.max(0, ...(at(question)?.answers ?? []).flatMap(({ lost }) => Object.values(lost)));
  const spread = (question) => {
    const shares = question.columns.flatMap((column) => (column === null ? [] : [column.right]));
    return Math.max(...shares) - Math.min(...shares);
  };

  const orders = {
    asked: ["as asked", () => 0],
    worst: ["least right first", (a, b) => (at(a)?.right ?? 1) - (at(b)?.right ?? 1)],
    spread: ["runs differ most first", (a, b) => spread(b) - spread(a)],
    lost: ["owes most to the picture first", (a, b) => lostOf(b) - lostOf(a)],
  };

  const chosen = () => {
    const words = state.words.toLowerCase();
    const [column, value] = state.category === "" ? [] : JSON.parse(state.category);
    const found = questions.filter((question) =>
      at(question) !== null &&
      (state.verdict === "" || at(question).answers.some((answer) => verdictOf(answer) === state.verdict)) &&
      (column === undefined || question.categories[column] === value) &&
      (!state.disagree || spread(question) > 0) &&
      (words === "" || [question.id, question.question, question.gold, ...question.columns.flatMap((one) => one?.answers.map(({ text }) => text) ?? [])].some((text) => text.toLowerCase().includes(words))));
    return found.sort(orders[state.sort][1]);
  };

  const answerBlock = (answer) => element("div", {},
    element("p", { class: "response" }, answer.text),
    element("p", { class: "chips" },
      chip(answer.outcome === "right" ? "✓" : "✗", verdictOf(answer), "verdict-chip"),
      ...(answer.found === null ? [] : [chip("read as", answer.found, "")]),
      ...(answer.note === null ? [] : [chip("", answer.note, "")]),
      ...(answer.consistent === false ? [chip("reasoning", "comes to another answer", "")] : []),
      ...Object.entries(answer.parts).map(([name, value]) => chip(name, number(value), "")),
      ...Object.entries(answer.lost).map(([condition, value]) => chip(`nats a token owes to the picture (${condition})`, number(value), ""))));

  const columnBlock = (column, index) => {
    if (column === null) return [];
    const more = column.of - column.answers.length;
    const share = column.of > 1 ? ` · ${number(100 * column.right)} % of ${column.of} right` : "";
    return [element("div", { class: "column" },
      element("p", { class: "where" }, `${columns[index]}${share}`),
      ...column.answers.map(answerBlock),
      ...(more > 0 ? [element("p", { class: "note" }, `${more} more answers are in the evaluation's questions.jsonl.`)] : []))];
  };

  const card = (question) => {
    const read = question.expected === null || question.expected === question.gold ? "" : `, read as ${question.expected}`;
    const categories = Object.entries(question.categories).map(([name, value]) => chip(name, value, ""));
    return element("article", { class: "sample" },
      element("div", { class: "pictures" }, ...question.views.map(picture)),
      element("div", { class: "words" },
        element("p", { class: "where" }, question.id),
        element("p", { class: "question" }, question.question, " ", element("small", {}, `answer: ${question.gold}${read}`)),
        element("p", { class: "chips" }, ...categories),
        element("div", { class: "columns" }, ...question.columns.flatMap(columnBlock))));
  };

  const change = (key) => (value) => {
    state[key] = value;
    state.shown = pageSize;
    draw();
  };

  const drawFilters = () => {
    const verdicts = [...new Set(questions.flatMap((question) => at(question)?.answers.map(verdictOf) ?? []))].sort();
    const categories = [...new Set(questions.flatMap((question) => Object.entries(question.categories).map((pair) => JSON.stringify(pair))))].sort();
    const search = element("input", { type: "search", placeholder: "words", value: state.words, onchange: (event) => change("words")(event.target.value) });
    const disagree = element("button", { type: "button", "aria-pressed": String(state.disagree), onclick: () => change("disagree")(!state.disagree) }, "where runs differ");
    document.getElementById("question-filters").replaceChildren(element("div", { class: "filters" },
      select("run", columns.map((name, index) => [String(index), name]), state.column, change("column"), null),
      select("verdict", verdicts.map((verdict) => [verdict, verdict]), state.verdict, change("verdict")),
      select("category", categories.map((pair) => [pair, JSON.parse(pair).join(": ")]), state.category, change("category")),
      select("order", Object.entries(orders).map(([key, [label]]) => [key, label]), state.sort, change("sort"), null),
      ...(columns.length > 1 ? [disagree] : []),
      search));
  };

  const draw = () => {
    const list = document.getElementById("questions");
    if (questions.length === 0) {
      list.replaceChildren(element("p", { class: "note" }, "Nothing was evaluated."));
      return;
    }
    drawFilters();
    const found = chosen();
    const rest = found.length - state.shown;
    const cut = questions.length < total ? `; of ${total} in all, the rest is in the evaluations' questions.jsonl` : "";
    list.replaceChildren(
      element("p", { class: "note" }, `${found.length} of ${questions.length} questions${cut}`),
      ...found.slice(0, state.shown).map(card),
      ...(rest > 0 ? [element("button", { type: "button", onclick: () => { state.shown += pageSize; draw(); } }, `show more (${rest})`)] : []));
  };
  draw();
})();
