/**
 * Published models by name, as far as their shapes go: what of config.json decides them stands in published-configs.ts.
 */
import type { ModelConfig } from "./files/config.ts";
import { publishedConfigs } from "./published-configs.ts";
import { familyOf } from "./registry.ts";

export const publishedNames = (): string[] => Object.keys(publishedConfigs);

/**
 * By its name on the hub, or a part of it that no other has ("Qwen2.5-VL-3B"); null for a name that none or several
 * have.
 */
export function publishedConfig(name: string): ModelConfig | null {
  const known = Object.entries(publishedConfigs);
  const word = name.toLowerCase();
  const exact = known.filter(([full]) => full.toLowerCase() === word);
  const found = exact.length > 0 ? exact : known.filter(([full]) => full.toLowerCase().includes(word));
  const [first, ...others] = found;
  return first === undefined || others.length > 0 ? null : familyOf(first[1]).parseConfig(first[1]);
}
