/**
 * The metrics that the page offers: the numbers a reader looks at first under their own keys, since runs may have
 * measured them under different names.
 */
import { headlineMetrics, headlines } from "../report/headline.ts";
import type { MetricHead } from "./contract.ts";
import { guideOf } from "./metric-guide.ts";

/** What one run calls the page's metrics. */
export interface MetricKeys {
  /** Of headlines by key. */
  readonly headlines: ReadonlyMap<string, string>;
  /** The run's own name of a metric of the page; undefined where it has none. */
  nameOf(key: string): string | undefined;
}

const prefix = "headline/";

/** @param names all metrics of the run */
export function metricKeys(names: ReadonlySet<string>): MetricKeys {
  const own = new Map([...headlineMetrics(names)].map(([id, name]) => [`${prefix}${id}`, name]));
  return {
    headlines: own,
    nameOf: (key) => (key.startsWith(prefix) ? own.get(key) : names.has(key) ? key : undefined),
  };
}

/** Headlines first, in their order, then clip fractions and terms of the loss, then everything else by name. */
export function metricHeads(names: readonly ReadonlySet<string>[], keys: readonly MetricKeys[]): MetricHead[] {
  const first = headlines.flatMap(({ id, title, short }): MetricHead[] => {
    const key = `${prefix}${id}`;
    const called = [...new Set(keys.flatMap((own) => own.headlines.get(key) ?? []))];
    return called.length === 0
      ? []
      : [{ key, title, short, names: called.join(", "), ...guideOf(called[0]!), shown: true, first: true }];
  });
  const taken = new Set(keys.flatMap((own) => [...own.headlines.values()]));
  // A metric that is a headline of one run is no button of its own, unless another run has it beside its headline.
  const rest = [
    ...new Set(
      names.flatMap((own, run) =>
        [...own].filter((name) => !taken.has(name) || ![...keys[run]!.headlines.values()].includes(name)),
      ),
    ),
  ].sort();
  const isNear = (name: string): boolean => /^loss\/|^(?!coefficient\/).*clip/.test(name);
  const button =
    (near: boolean) =>
    (key: string): MetricHead => ({
      key,
      title: key,
      short: key,
      names: "",
      ...guideOf(key),
      shown: false,
      first: near,
    });
  return [
    ...first,
    ...rest.filter(isNear).map(button(true)),
    ...rest.filter((name) => !isNear(name)).map(button(false)),
  ];
}
