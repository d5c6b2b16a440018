import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { FileResult } from "./file-result.js";

const SPECIFIER = /(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g;

/**
 * Why a failed file must not be run again, or undefined if it may be. A property test that fails has found an input; a
 * log that does not verify has lost something; a leak is there however often it does not show. To see it pass the next
 * time proves nothing.
 */
export function whyNeverRunAgain({ file, errorNames }: FileResult): string | undefined {
  if (errorNames.includes("LeakError")) return "it leaves something behind";
  if (/\/chaos\b/.test(file)) return "it is a test under faults";
  const { specifiers, texts } = readTestCode(file);
  if (specifiers.includes("fast-check")) return "it tests properties";
  if (specifiers.some((each) => /(^|\/)chaos\//.test(each))) return "it is a test under faults";
  const isVerify = (each: string) => /\/(verify-log|store\/verify)\.js$/.test(each);
  // The command of that name, too.
  if (specifiers.some(isVerify) || texts.some((text) => text.includes('"verify"'))) return "it verifies logs";
  return undefined;
}

/** The text of a test file and of all test code that it imports, and what they import. */
function readTestCode(file: string) {
  const texts = new Map<string, string>();
  const specifiers: string[] = [];
  const visit = (path: string) => {
    if (texts.has(path) || !isTestCode(path) || !existsSync(path)) return;
    const text = readFileSync(path, "utf8");
    texts.set(path, text);
    for (const [, specifier = ""] of text.matchAll(SPECIFIER)) {
      specifiers.push(specifier);
      if (specifier.startsWith(".")) visit(resolve(dirname(path), specifier.replace(/\.js$/, ".ts")));
    }
  };
  visit(file);
  return { specifiers, texts: [...texts.values()] };
}

/** What is tested runs in nearly every file, so what it imports says nothing about the test. */
function isTestCode(path: string): boolean {
  return !path.includes("/src/") || path.endsWith(".test.ts") || path.includes("/testing/");
}
