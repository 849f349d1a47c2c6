/* What a chart draws: from the curves of a metric to columns on a common list of steps. Numbers alone, no page. */

/** A running mean whose weights fall by `weight` a point, without the pull to 0 of its beginning. */
export const smoothed = (values, weight) => {
  let [sum, total] = [0, 0];
  return values.map((value) => {
    if (value === null) return null;
    sum = weight * sum + (1 - weight) * value;
    total = weight * total + (1 - weight);
    return sum / total;
  });
};

/** Seeds of a recipe as one line: mean, lowest and highest at every step that any of them has. */
export const bandOf = (curves) => {
  const values = new Map();
  for (const { steps, mean } of curves) {
    steps.forEach((step, at) => {
      if (mean[at] !== null) values.set(step, [...(values.get(step) ?? []), mean[at]]);
    });
  }
  const rows = [...values].sort(([a], [b]) => a - b);
  return {
    steps: rows.map(([step]) => step),
    mean: rows.map(([, list]) => list.reduce((sum, value) => sum + value, 0) / list.length),
    low: rows.map(([, list]) => Math.min(...list)),
    high: rows.map(([, list]) => Math.max(...list)),
  };
};

/**
 * Columns of lines { label, look, steps, mean, low?, high? } for uPlot: [steps, …], and for each column what it is. A
 * line is its smoothed mean over what it was: the faint numbers themselves, or the faint band from lowest to highest.
 */
export const columnsOf = (lines, weight) => {
  const steps = [...new Set(lines.flatMap((line) => line.steps))].sort((a, b) => a - b);
  const rowOf = new Map(steps.map((step, row) => [step, row]));
  const onSteps = (line, values) => {
    const column = new Array(steps.length).fill(null);
    line.steps.forEach((step, at) => (column[rowOf.get(step)] = values[at] ?? null));
    return column;
  };
  const columns = lines.flatMap((line) => {
    const { label, look } = line;
    const under =
      line.low === undefined
        ? weight > 0
          ? [{ kind: "raw", values: onSteps(line, line.mean) }]
          : []
        : [
            { kind: "high", values: onSteps(line, line.high) },
            { kind: "low", values: onSteps(line, line.low) },
          ];
    return [...under, { kind: "line", values: onSteps(line, smoothed(line.mean, weight)) }].map(({ kind, values }) => ({
      values,
      about: { kind, label, look, line },
    }));
  });
  return { table: [steps, ...columns.map(({ values }) => values)], columns: columns.map(({ about }) => about) };
};
