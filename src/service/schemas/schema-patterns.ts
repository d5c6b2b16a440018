import { RE2JS } from "re2js";
import { createPropertyReader } from "./code-points.js";
import { re2Syntax } from "./re2-syntax.js";

/** A regular expression as Ajv uses it; `toString` tells it from others. */
export interface SchemaPattern {
  test(text: string): boolean;
  toString(): string;
}

/** Makes the regular expressions of schemas, for Ajv's option `code.regExp`. @throws SyntaxError */
export interface SchemaPatterns {
  (pattern: string, flags: string): SchemaPattern;
  /** For Ajv when it writes code to a file, which nobody asks it for. */
  readonly code: string;
}

/**
 * Patterns mean what they mean to JavaScript, as the standard has it, and are found in time linear in the text wherever
 * RE2 can express them. Backreferences, lookarounds and repetitions past a thousand it cannot: those run as JavaScript
 * runs them, which can take for ever.
 */
export function createSchemaPatterns(): SchemaPatterns {
  const readProperty = createPropertyReader();
  const make = (pattern: string, flags: string): SchemaPattern => {
    // What is valid JavaScript decides.
    const native = new RegExp(pattern, flags);
    const linear = toLinear(re2Syntax(pattern, readProperty));
    if (!linear) return native;
    return { test: (text) => linear.test(text), toString: () => String(native) };
  };
  return Object.assign(make, { code: "new RegExp" });
}

function toLinear(re2: string | undefined): RE2JS | undefined {
  if (re2 === undefined) return undefined;
  try {
    return RE2JS.compile(re2);
  } catch {
    return undefined;
  }
}
