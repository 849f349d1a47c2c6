/** A view, looked at when it is registered, and its functions guarded as taps are. */
import type { EncodedPicture, Picture } from "../model/processing/picture.ts";
import type { PromptParts, View } from "../contracts/registered/views.ts";
import { isRecord } from "../messages/describe.ts";
import { Calls } from "./calls.ts";
import { checkFields, fieldsOf, unlessFunction, unlessName, unlessOneOf } from "./fields.ts";
import { changedPlace, digestsOf } from "./inputs.ts";
import { encodedPictureFault, flagsFault, partsFault, pictureFault, sameNumbers } from "./picture-results.ts";
import { PluginError } from "../messages/plugin-error.ts";

const VIEW = ["name", "scope", "attention", "prompt", "raw", "patches", "dropped", "regarded", "values"] as const;

/**
 * A view whose functions are given pictures of their own and whose results fit.
 * @throws PluginError for what is no view, a name that is taken, or one that changes nothing
 */
export function checkedView(plugin: string, view: View, limitSeconds: number): View {
  const { name, scope, attention, prompt, raw, patches, dropped, regarded, values } = fieldsOf(view);
  checkFields(plugin, "registers a view", view, VIEW, {
    name: unlessName(name),
    scope: unlessOneOf(scope, ["prompt", "response"]),
    attention: unlessOneOf(attention, [true, false]),
    prompt: unlessFunction(prompt),
    raw: unlessFunction(raw),
    patches: unlessFunction(patches),
    dropped: unlessFunction(dropped),
    regarded: unlessFunction(regarded),
    values:
      values !== undefined &&
      !(isRecord(values) && Number.isFinite(values.deviations)) &&
      "{ deviations }, a finite number",
  });
  if (name === "original") {
    throw new PluginError(plugin, 'registers the view "original", which every prompt has; choose another name');
  }
  if ([prompt, raw, patches, dropped, regarded, values].every((change) => change === undefined)) {
    throw new PluginError(
      plugin,
      `registers the view "${name}", which changes nothing; give it prompt, raw, patches, dropped, regarded or values`,
    );
  }
  const calls = new Calls(plugin, `view "${name}"`, limitSeconds);
  const given = { name: name!, ...(scope && { scope }), ...(attention !== undefined && { attention }) };
  return {
    ...given,
    ...(values && { values }),
    ...(prompt && { prompt: guardedPrompt(view, calls) }),
    ...(raw && { raw: guardedRaw(view, calls) }),
    ...(patches && { patches: guardedPatches(view, calls) }),
    ...(dropped && { dropped: guardedDropped(view, calls) }),
    ...(regarded && { regarded: guardedRegarded(view, calls) }),
  };
}

const guardedPrompt =
  (view: View, calls: Calls): View["prompt"] & object =>
  (original, context) => {
    const work = (): Promise<PromptParts> =>
      unchanged(original, () => view.prompt!(Object.freeze({ ...original }), context));
    return calls.later("prompt", work, partsFault, "{ prompt, system, pictures }");
  };

const guardedRaw =
  (view: View, calls: Calls): View["raw"] & object =>
  (picture: Picture, context) => {
    const work = (): Promise<unknown> => onCopy(picture, "data", (copy) => view.raw!(copy, context));
    return calls.later("raw", work, pictureFault, "a picture whose data are width × height × 3 bytes");
  };

const guardedPatches =
  (view: View, calls: Calls): View["patches"] & object =>
  (picture: EncodedPicture, context) => {
    const work = (): Promise<unknown> => onCopy(picture, "pixels", (copy) => view.patches!(copy, context));
    const fault = (result: unknown): string | null => encodedPictureFault(result, picture);
    return calls.later("patches", work, fault, "patches of the same grid, finite numbers");
  };

const guardedDropped =
  (view: View, calls: Calls): View["dropped"] & object =>
  (tokens, context) => {
    const fault = (result: unknown): string | null => flagsFault(result, tokens);
    return calls.now("dropped", () => view.dropped!(tokens, context), fault, `a list of ${tokens} flags, 0 or 1`);
  };

const guardedRegarded =
  (view: View, calls: Calls): View["regarded"] & object =>
  (shown, context) => {
    const picture = { ...shown.picture, data: shown.picture.data.slice() };
    const encoded = { ...shown.encoded, pixels: shown.encoded.pixels.slice() };
    const work = async (): Promise<unknown> => view.regarded!({ ...shown, picture, encoded }, context);
    const fault = (result: unknown): string | null => flagsFault(result, shown.tokens);
    return calls.later("regarded", work, fault, `a list of ${shown.tokens} flags, 0 or 1`);
  };

/**
 * Let a change work on a copy of the numbers, so that the original stays; what comes back unchanged is the original.
 */
async function onCopy<T extends object, K extends keyof T>(
  original: T,
  field: K,
  change: (copy: T) => T | Promise<T>,
): Promise<unknown> {
  const numbers = original[field] as Uint8Array | Float32Array;
  const copy = { ...original, [field]: numbers.slice() };
  const result = await change(copy);
  return result === copy &&
    sameNumbers(copy[field] as typeof numbers, numbers) &&
    Object.entries(original).every(([key, value]) => key === field || copy[key as K] === value)
    ? original
    : result;
}

/** @throws Error when the pictures are others afterwards */
async function unchanged(original: PromptParts, work: () => PromptParts | Promise<PromptParts>): Promise<PromptParts> {
  const before = digestsOf([original], ["original"]);
  const result = await work();
  const changed = changedPlace(before, digestsOf([original], ["original"]));
  if (changed !== null) throw new Error(`it changed "${changed}" in place, which all views share; change a copy`);
  return result;
}
