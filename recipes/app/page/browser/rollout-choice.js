/*
 * Which rollouts fit the filters, in which order: on the index alone, since the rollouts themselves are fetched a
 * page at a time.
 */

export const emptyIndex = () => ({
  version: -1,
  total: 0,
  reading: true,
  verdictSets: [],
  run: [],
  step: [],
  reward: [],
  verdicts: [],
  length: [],
  perceptionKl: [],
});

const lists = ["run", "step", "reward", "verdicts", "length", "perceptionKl"];

/** The index with what has come since; another version begins anew. */
export const extended = (index, more) => {
  const kept = more.version === index.version ? index : emptyIndex();
  for (const name of lists) {
    kept[name].length = Math.min(kept[name].length, more.from);
    for (const value of more[name]) kept[name].push(value);
  }
  return { ...kept, version: more.version, total: more.total, reading: more.reading, verdictSets: more.verdictSets };
};

/** By what rollouts can be sorted; those without the number come last, then the newest first. */
export const orders = {
  newest: ["newest first", () => 0],
  oldest: ["oldest first", (index, id) => index.step[id]],
  best: ["highest reward first", (index, id) => negative(index.reward[id])],
  worst: ["lowest reward first", (index, id) => index.reward[id]],
  longest: ["longest first", (index, id) => -index.length[id]],
  looking: ["most perception KL first", (index, id) => negative(index.perceptionKl[id])],
  blind: ["least perception KL first", (index, id) => index.perceptionKl[id]],
};

const negative = (value) => (value === null ? null : -value);

/**
 * Ids of the rollouts that fit { run, verdict, from, to, order }; "" stands for any. Of equal ones the last step comes
 * first, and there the runs take turns, so that the first page shows all runs at their end.
 */
export const chosen = (index, { run, verdict, from, to, order }) => {
  const sets =
    verdict === "" ? null : new Set(index.verdictSets.flatMap((names, at) => (names.includes(verdict) ? [at] : [])));
  const places = new Map();
  const rows = [];
  index.step.forEach((step, id) => {
    if (run !== "" && index.run[id] !== Number(run)) return;
    if ((from !== "" && step < Number(from)) || (to !== "" && step > Number(to))) return;
    if (sets !== null && !sets.has(index.verdicts[id])) return;
    const group = step * 4096 + index.run[id];
    const place = (places.get(group) ?? -1) + 1;
    places.set(group, place);
    rows.push({ id, step, place, value: orders[order][1](index, id) ?? Infinity });
  });
  rows.sort(
    (a, b) => (a.value === b.value ? 0 : a.value - b.value) || b.step - a.step || a.place - b.place || a.id - b.id,
  );
  return rows.map(({ id }) => id);
};
