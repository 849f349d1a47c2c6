/** Text to token ids and back, by the tokenizer.json of a model folder. */
import { join } from "node:path";
import * as library from "@huggingface/tokenizers";
import { readJson } from "../files/json.ts";
import type { JsonObject } from "../files/json.ts";
import { causeOf } from "../../messages/shown.ts";
import { checkPatterns } from "./split-pattern.ts";

/** What we use of the library: its own declarations do not resolve under Node's rules for modules. */
interface LibraryTokenizer {
  /** An id is undefined where the vocabulary lacks the token. */
  encode(text: string, options: { add_special_tokens: boolean }): { ids: (number | undefined)[]; tokens: string[] };
  decode(ids: number[], options: { clean_up_tokenization_spaces: boolean }): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  get_vocab(): Map<string, number>;
  get_added_tokens_decoder(): Map<number, { special: boolean }>;
}
const LibraryTokenizer = library.Tokenizer as new (file: JsonObject, config: JsonObject) => LibraryTokenizer;

export interface DecodeOptions {
  /** Leave out special tokens such as end-of-text; default false. */
  readonly skipSpecial?: boolean;
}

export class Tokenizer {
  /** tokenizer_config.json, {} where there is none. */
  readonly config: JsonObject;
  /** One more than the largest id. The model's vocabulary may be larger: its last rows are padding. */
  readonly size: number;
  readonly #library: LibraryTokenizer;
  readonly #specialIds: ReadonlySet<number>;
  readonly #cleanUp: boolean;

  /** @param file parsed tokenizer.json; `config`: parsed tokenizer_config.json. */
  constructor(file: JsonObject, config: JsonObject = {}) {
    this.config = config;
    for (const part of ["normalizer", "pre_tokenizer", "decoder"]) checkPatterns(file[part]);
    // The library takes the unknown word of a word-level model from the config alone; tokenizer.json has it in the
    // model.
    const unknown = textOf(config["unk_token"]) ?? textOf((file["model"] as JsonObject | undefined)?.["unk_token"]);
    this.#library = new LibraryTokenizer(complete(file), unknown === null ? config : { ...config, unk_token: unknown });
    this.#cleanUp = config["clean_up_tokenization_spaces"] === true;
    this.size = Math.max(...this.#library.get_vocab().values()) + 1;
    const added = [...this.#library.get_added_tokens_decoder()];
    this.#specialIds = new Set(added.filter(([, token]) => token.special).map(([id]) => id));
  }

  /** @throws Error naming the file when tokenizer.json is missing or cannot be used. */
  static async load(folder: string): Promise<Tokenizer> {
    const file = join(folder, "tokenizer.json");
    const parsed = await readJson(file);
    if (parsed === null) {
      throw new Error(
        `${folder} holds no tokenizer.json: write one with transformers' save_pretrained, vocab.json and merges.txt alone are not read`,
      );
    }
    const config = (await readJson(join(folder, "tokenizer_config.json"))) ?? {};
    try {
      return new Tokenizer(parsed, config);
    } catch (cause) {
      throw new Error(
        `${file} cannot be used: ${causeOf(cause, "a field that it needs is missing or of another kind")}`,
        { cause },
      );
    }
  }

  /**
   * Token ids of a text. Special tokens written in the text become their ids; none are added around it.
   * @throws Error naming a word that the vocabulary lacks, where it has no unknown token.
   */
  encode(text: string): Int32Array {
    const { ids, tokens } = this.#library.encode(text, { add_special_tokens: false });
    const missing = ids.findIndex((id) => id === undefined);
    if (missing >= 0)
      throw new Error(`the vocabulary has no token for ${JSON.stringify(tokens[missing])}, and no unknown token`);
    return Int32Array.from(ids as number[]);
  }

  /** Text of token ids. Ids without a token (the padding rows of a larger model vocabulary) are left out. */
  decode(tokens: Iterable<number>, { skipSpecial = false }: DecodeOptions = {}): string {
    const known = [...tokens].filter((id) => this.tokenOf(id) !== null && !(skipSpecial && this.#specialIds.has(id)));
    return known.length === 0 ? "" : this.#library.decode(known, { clean_up_tokenization_spaces: this.#cleanUp });
  }

  /** Texts that become one special token wherever they stand. */
  get specialTokens(): string[] {
    return [...this.#specialIds].flatMap((id) => this.tokenOf(id) ?? []);
  }

  /** Id of a token, null when the vocabulary lacks it. */
  idOf(token: string): number | null {
    return this.#library.token_to_id(token) ?? null;
  }

  /** Token of an id as the vocabulary spells it, null when there is none. */
  tokenOf(id: number): string | null {
    return this.#library.id_to_token(id) ?? null;
  }

  /** A token that the config names by role, "eos_token", "pad_token"; null when it names none. */
  roleToken(role: string): string | null {
    return textOf(this.config[role]);
  }
}

/** The special tokens of a model folder. @throws Error naming the file that is missing or cannot be used */
export const specialTokensOf = async (folder: string): Promise<string[]> =>
  (await Tokenizer.load(folder)).specialTokens;

/** A token in tokenizer_config.json is a text, or an object with its text as "content". */
function textOf(token: unknown): string | null {
  if (typeof token === "string") return token;
  const content = typeof token === "object" && token !== null ? (token as JsonObject)["content"] : undefined;
  return typeof content === "string" ? content : null;
}

/** tokenizer.json may leave out parts that the library wants to see, if only as null. */
function complete(file: JsonObject): JsonObject {
  return { added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, ...file };
}
