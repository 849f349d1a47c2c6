/*
 * Where the page's data comes from: what is frozen in the file, or a server that follows the runs. Both answer the
 * same questions.
 */
import { byId } from "./dom.js";

/** @returns the source of a report: everything is here */
const frozenSource = (data) => ({
  live: false,
  overview: async () => data.overview,
  curves: async ({ metrics, from, to }) => {
    const wanted = new Set(metrics);
    const curves = data.curves.curves.filter(({ metric }) => wanted.has(metric));
    if (from === null && to === null) return { ...data.curves, curves };
    return { ...data.curves, curves: curves.map((curve) => within(curve, from ?? -Infinity, to ?? Infinity)) };
  },
  rolloutIndex: async () => data.rollouts,
  rollouts: async (ids) => ids.map((id) => data.records[id]),
  questions: async () => data.questions,
  picture: (index) => (index === null ? null : (data.pictures[index] ?? null)),
});

const within = ({ steps, ...curve }, from, to) => {
  const kept = (_, at) => steps[at] >= from && steps[at] <= to;
  const lists = Object.entries(curve).map(([name, value]) => [name, Array.isArray(value) ? value.filter(kept) : value]);
  return { steps: steps.filter(kept), ...Object.fromEntries(lists) };
};

const get = async (path, parameters = []) => {
  const query = new URLSearchParams(parameters).toString();
  const response = await fetch(`api/${path}${query === "" ? "" : `?${query}`}`);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
};

/**
 * The token stands behind the address's #, which no browser sends anywhere; it is kept for reloads of this tab alone.
 */
const tokenOfAddress = () => {
  const found = /[#&]token=([\w-]+)/.exec(location.hash)?.[1];
  if (found !== undefined) {
    sessionStorage.setItem("token", found);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token");
};

const liveSource = () => {
  const token = tokenOfAddress();
  return {
    live: true,
    mayControl: token !== null,
    overview: () => get("overview"),
    curves: ({ metrics, from, to, points }) =>
      get("curves", [
        ...metrics.map((metric) => ["metric", metric]),
        ["points", points],
        ...(from === null ? [] : [["from", from]]),
        ...(to === null ? [] : [["to", to]]),
      ]),
    rolloutIndex: (version, from) =>
      get("rollouts/index", [
        ["version", version],
        ["from", from],
      ]),
    rollouts: (ids) =>
      get(
        "rollouts",
        ids.map((id) => ["id", id]),
      ),
    questions: () => get("questions"),
    picture: (address) => address,
    /** @returns what went wrong, or null */
    control: async (run, action) => {
      const headers = { "content-type": "application/json", "x-papo-token": token ?? "" };
      const response = await fetch("api/control", { method: "POST", headers, body: JSON.stringify({ run, action }) });
      return response.ok ? null : response.text();
    },
    /**
     * Calls `changed` with the revisions whenever there is something new, `connected` when the server is lost or found
     * again.
     */
    follow: (changed, connected) => {
      const events = new EventSource("api/events");
      events.onmessage = ({ data }) => changed(JSON.parse(data));
      events.onopen = () => connected(true);
      events.onerror = () => connected(false);
    },
  };
};

export const openSource = () => {
  const frozen = byId("data");
  return frozen === null ? liveSource() : frozenSource(JSON.parse(frozen.textContent));
};
