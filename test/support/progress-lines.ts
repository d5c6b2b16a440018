import { expect } from "vitest";

/** Of a command that went well: nothing, or how far it was, which is said every now and then when it takes long. */
export const progressLines = expect.stringMatching(/^(… .+: \d+ rows, \d+ a second\n)*$/);
