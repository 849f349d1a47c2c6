/** An order of rollouts in which every beginning is spread evenly over the steps, and over the runs. */

/** Numbers below `count` such that each next one falls into the widest gap left: first, last, middle, quarters, … */
export function spreadOrder(count: number): number[] {
  const order: number[] = [];
  const seen = new Set<number>();
  const take = (at: number): void => {
    if (at < 0 || at >= count || seen.has(at)) return;
    seen.add(at);
    order.push(at);
  };
  take(0);
  take(count - 1);
  for (let parts = 2; seen.size < count; parts *= 2) {
    for (let part = 1; part < parts; part += 2) take(Math.round((part * (count - 1)) / parts));
    if (parts > 2 * count) for (let at = 0; at < count; at++) take(at);
  }
  return order;
}

/**
 * Indices of `items` in that order: of each run the first rollout of every step, the steps in spread order, then the
 * second ones, and so on; runs take turns. It depends on the steps and runs alone.
 */
export function inSpreadOrder(items: readonly { readonly run: number; readonly step: number }[]): number[] {
  const runs = new Map<number, Map<number, number[]>>();
  items.forEach(({ run, step }, index) => {
    const steps = runs.get(run) ?? new Map<number, number[]>();
    runs.set(run, steps);
    const own = steps.get(step);
    if (own === undefined) steps.set(step, [index]);
    else own.push(index);
  });
  const queues = [...runs].sort(([a], [b]) => a - b).map(([, steps]) => queueOf(steps));
  const order: number[] = [];
  for (let place = 0; order.length < items.length; place++) {
    for (const queue of queues) if (place < queue.length) order.push(queue[place]!);
  }
  return order;
}

function queueOf(steps: ReadonlyMap<number, readonly number[]>): number[] {
  const lists = [...steps].sort(([a], [b]) => a - b).map(([, list]) => list);
  const spread = spreadOrder(lists.length).map((at) => lists[at]!);
  const longest = spread.reduce((most, { length }) => Math.max(most, length), 0);
  return Array.from({ length: longest }, (_, place) =>
    spread.flatMap((list) => (place < list.length ? [list[place]!] : [])),
  ).flat();
}
