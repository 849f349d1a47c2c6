/** Goes through an answer's text: characters, words, commands and groups. */
import { texts } from "./names.ts";
import { UnreadableError } from "./node.ts";

/** Deeper nesting is not read: hostile input must not fill the stack. */
const deepest = 60;

export class Scanner {
  protected readonly text: string;
  /** Where the next character stands. */
  protected at = 0;
  protected depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** What \text{…} holds; null when none stands here. */
  protected textGroup(): string | null {
    const name = this.peekCommand();
    if (!texts.has(name)) return null;
    this.at += 1 + name.length;
    if (this.text[this.at] === "*") this.at++;
    return this.raw().replace(/^\{|\}$/g, "");
  }

  /** A group with its braces or one character, unread. */
  protected raw(): string {
    if (this.peek() !== "{") {
      const found = /^(?:\\[a-zA-Z]+|.)/s.exec(this.text.slice(this.at, this.at + 40))?.[0] ?? "";
      this.at += found.length;
      return found;
    }
    const start = this.at;
    let depth = 0;
    for (; this.at < this.text.length; this.at++) {
      if (this.text[this.at] === "{") depth++;
      if (this.text[this.at] === "}" && --depth === 0) return this.text.slice(start, ++this.at);
    }
    throw this.unreadable();
  }

  protected jump<T>(length: number, then: () => T): T {
    this.at += length;
    return then();
  }

  protected space(): void {
    while (this.at < this.text.length && /\s/.test(this.text[this.at]!)) this.at++;
  }

  /** The next character that is no space; "" at the end. */
  protected peek(): string {
    this.space();
    return this.text[this.at] ?? "";
  }

  protected take(text: string): boolean {
    this.space();
    if (!this.text.startsWith(text, this.at)) return false;
    if (/^\\[a-zA-Z]/.test(text) && /[a-zA-Z]/.test(this.text[this.at + text.length] ?? "")) return false;
    this.at += text.length;
    return true;
  }

  protected word(word: string): boolean {
    this.space();
    if (
      !this.text.startsWith(word, this.at) ||
      /[a-zA-Z]/.test(this.text[this.at + word.length] ?? "") ||
      /[a-zA-Z\\]/.test(this.text[this.at - 1] ?? "")
    )
      return false;
    this.at += word.length;
    return true;
  }

  /** Name of the command that stands here; "" for none. */
  protected peekCommand(): string {
    if (this.peek() !== "\\") return "";
    return /^\\([a-zA-Z]+|.)/s.exec(this.text.slice(this.at, this.at + 40))?.[1] ?? "";
  }

  protected command(name: string): boolean {
    if (this.peekCommand() !== name) return false;
    this.at += 1 + name.length;
    return true;
  }

  protected commandOf<T>(table: Readonly<Record<string, T>>): T | null {
    const name = this.peekCommand();
    if (!Object.hasOwn(table, name)) return null;
    this.at += 1 + name.length;
    return table[name]!;
  }

  protected deeper(): void {
    if (++this.depth > deepest) throw new UnreadableError(`brackets more than ${deepest} deep are not read`);
  }

  protected unreadable(): UnreadableError {
    return new UnreadableError(`"${this.text.slice(this.at, this.at + 20)}" cannot be read`);
  }
}
