/** Options that commands for archives share. */
export const encryptTo = {
  type: "string",
  multiple: true,
  placeholder: "AGE1…",
  about: "encrypt to this age recipient, as age-keygen prints it",
} as const;

export const identity = {
  type: "string",
  multiple: true,
  placeholder: "FILE",
  about: "decrypt with the age identities in this file",
} as const;

export const json = { type: "boolean", about: "the result as one JSON object" } as const;
