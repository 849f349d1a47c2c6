/** The run's events, as plugins and observers hear them. */
import mittModule from "mitt";
import type { Events, RunEvents } from "../contracts/events.ts";
import { isRecord } from "../messages/describe.ts";
import { withoutSecrets } from "../options/secrets.ts";

// The package is an ES module whose types claim CommonJS: TypeScript sees the function one level too deep.
const mitt = mittModule as unknown as typeof mittModule.default;

/**
 * An emitter whose listeners cannot disturb the run: one that throws, or rejects, is reported and the others still
 * hear.
 */
export function safeEvents(report: (message: string, error: unknown) => void): Events {
  const emitter = mitt<RunEvents>();
  const emit = (type: keyof RunEvents, given: unknown): void => {
    const event = withoutSecretsIn(given);
    const failed = (error: unknown): void => {
      const message = error instanceof Error ? error.message : String(error);
      report(`A listener of "${String(type)}" failed: ${message}`, error);
    };
    const hear = (listener: () => unknown): void => {
      try {
        const result = listener();
        if (result instanceof Promise) result.catch(failed);
      } catch (error) {
        failed(error);
      }
    };
    const listeners = (key: string | symbol): Listener[] => [...((emitter.all.get(key) ?? []) as Listener[])];
    for (const listener of listeners(type as string | symbol)) hear(() => listener(event));
    for (const listener of listeners("*")) hear(() => listener(type, event));
  };
  const { on, off } = emitter as unknown as Unbound;
  return { on, off, emit: emit as Events["emit"] };
}

type Listener = (...heard: unknown[]) => unknown;

/** What is told to people, without secrets; other events are handed on as they are. */
function withoutSecretsIn(event: unknown): unknown {
  if (!isRecord(event)) return event;
  const texts = (["message", "reason"] as const).filter((name) => typeof event[name] === "string");
  if (texts.length === 0) return event;
  return { ...event, ...Object.fromEntries(texts.map((name) => [name, withoutSecrets(event[name] as string)])) };
}

/** mitt's functions need no `this`, its types do not say so. */
type Unbound = { readonly on: Events["on"]; readonly off: Events["off"] };
