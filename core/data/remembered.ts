/** Results by key, those asked for last: of pictures by their content hash, of blocks of a file. */
export class Remembered<Key, T> {
  readonly #limit: number;
  readonly #known = new Map<Key, Promise<T>>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: Key, make: () => Promise<T>): Promise<T> {
    const value = this.#known.get(key) ?? make();
    this.#known.delete(key);
    this.#known.set(key, value);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= this.#limit) break;
      this.#known.delete(oldest);
    }
    return value;
  }
}
