/**
 * What a template does, counted where it is done and not timed, so that one that is refused is refused on every
 * machine. A step stands for an expression, for an item that is read or made, for 256 characters that are read or made
 * at once, or for 8 that are looked at one by one. So the limit of steps bounds the time, and what all texts and lists
 * take together: 128 Mi characters at most, or as many items as steps. It is counted before anything is built.
 */

export interface TemplateLimits {
  /** Steps that one prompt may take. */
  readonly steps: number;
  /** Characters of one text. */
  readonly characters: number;
  /** Items of one list: jinja2's sandbox has the same for `range`. */
  readonly items: number;
}

const usualLimits: TemplateLimits = { steps: 500_000, characters: 2 ** 25, items: 100_000 };

/** All throw an Error when a limit is passed. */
export class Meter {
  readonly limits: TemplateLimits;
  #steps = 0;

  constructor(limits: TemplateLimits = usualLimits) {
    this.limits = limits;
  }

  steps(count: number): void {
    this.#steps += count;
    if (!(this.#steps <= this.limits.steps)) throw new Error(`the template takes more than ${this.limits.steps} steps`);
  }

  /** Characters that are read at once. */
  reads(characters: number): void {
    this.steps(Math.floor(characters / 256));
  }

  /** A text that is about to be made. */
  text(characters: number): void {
    if (!(characters <= this.limits.characters))
      throw new Error(`the template makes a text of more than ${this.limits.characters} characters`);
    this.reads(characters);
  }

  /** Characters that are looked at one by one. */
  characters(count: number): void {
    this.steps(Math.ceil(count / 8));
  }

  /** A list that is about to be made. */
  list(items: number): void {
    if (!(items <= this.limits.items))
      throw new Error(`the template makes a list of more than ${this.limits.items} items`);
    this.steps(items);
  }

  /** A text that is looked for in another: at worst each of its characters is compared at each place. */
  search(characters: number, sought: number): void {
    this.reads(characters + (characters * sought) / 4);
  }

  /** Items that are put in order, the longest of whose texts has so many characters. */
  sort(items: number, longest: number): void {
    this.list(items);
    this.steps(Math.ceil(items * Math.log2(items + 1) * (1 + longest / 256)));
  }
}
