/**
 * Chat templates as Python's jinja2 renders them in transformers. @huggingface/jinja prints some values otherwise
 * (`True`, `None`, lists, 1.0), compares lists by identity and adds numbers to texts: here such constructs give
 * Python's text, or an error that names them, never another text. What a template may do is counted (jinja-meter.ts).
 */
import { longestOf } from "./jinja-counted.ts";
import { PythonInterpreter } from "./jinja-interpreter.ts";
import { Environment, parse, type Program, Template, tokenize } from "./jinja-library.ts";
import { Meter, type TemplateLimits } from "./jinja-meter.ts";

/** Reading a template takes time with the square of its runs of white space. Published ones have under 30,000. */
const most = { source: 500_000, spaces: 2_000 } as const;

export class JinjaTemplate {
  readonly #program: Program;
  readonly #limits: TemplateLimits | undefined;

  /**
   * @param limits of what one prompt may take
   * @throws Error saying what cannot be parsed
   */
  constructor(source: string, limits?: TemplateLimits) {
    if (source.length > most.source)
      throw new Error(`it has ${source.length} characters, and at most ${most.source} are read`);
    if (longestSpace(source) > most.spaces)
      throw new Error(`it has more than ${most.spaces} characters of white space in a row`);
    this.#program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
    this.#limits = limits;
  }

  /** @throws Error naming the construct that is not followed, or with what the template complains of */
  render(variables: Readonly<Record<string, unknown>>): string {
    const meter = new Meter(this.#limits);
    const environment = new Environment();
    const constants = { true: true, false: false, none: null, True: true, False: false, None: null };
    const functions = {
      range: (...bounds: number[]) => range(bounds, meter),
      raise_exception: complain,
      strftime_now: (format: string) => timeNow(format, meter),
    };
    for (const [name, value] of Object.entries({ ...constants, ...functions, ...variables }))
      if (value !== undefined) environment.set(name, value);
    return new PythonInterpreter(environment, meter).run(this.#program).value as string;
  }
}

const longestSpace = (source: string): number => longestOf(Array.from(source.matchAll(/\s+/g), ([run]) => run.length));

function complain(message: string): never {
  throw new Error(message);
}

/** The library makes calendars for each call, which takes as long as 200 steps. */
function timeNow(format: string, meter: Meter): string {
  meter.steps(200);
  meter.characters(4 * format.length);
  return new Template("{{ strftime_now(f) }}").render({ f: format });
}

function range(bounds: readonly number[], meter: Meter): number[] {
  if (bounds.length === 0 || bounds.length > 3 || !bounds.every(Number.isInteger))
    throw new Error("range() takes one to three whole numbers");
  const [from, to, step] = bounds.length === 1 ? [0, bounds[0]!, 1] : [bounds[0]!, bounds[1]!, bounds[2] ?? 1];
  if (step === 0) throw new Error("range() needs a step other than 0");
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (length > meter.limits.items)
    throw new Error(`range() of ${length} numbers is too long: at most ${meter.limits.items}`);
  meter.list(length);
  return Array.from({ length }, (_, index) => from + index * step);
}
