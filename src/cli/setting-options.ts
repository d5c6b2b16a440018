import { optionOf, settings } from "../config.js";
import type { Setting } from "../core/setting.js";
import type { CommandOption, CommandOptions, OptionValues } from "./command.js";

type SettingName = keyof typeof settings;

/** The options that stand for these settings; all of them unless named. */
export function settingOptions(
  names: readonly SettingName[] = Object.keys(settings) as SettingName[],
): CommandOptions {
  return Object.fromEntries(
    names.map((name) => {
      const setting: Setting<unknown> = settings[name];
      return [optionOf(setting), optionFor(setting)];
    }),
  );
}

/** What was given of them, as the text that `readConfig` takes. */
export function settingTexts(options: OptionValues<CommandOptions>): Record<string, string> {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, String(value)]));
}

function optionFor({ env, placeholder, fallback, about }: Setting<unknown>): CommandOption {
  const otherwise = fallback === "" ? "none" : String(fallback);
  return {
    type: typeof fallback === "boolean" ? "boolean" : "string",
    placeholder,
    about,
    source: `${env}, default ${otherwise}`,
  };
}
