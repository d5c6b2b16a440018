const SECRET =
  /api[_-]?key|apikey|secret|token|passw(or)?d|passphrase|credential|private[_-]?key|access[_-]?key|backup_codes|_hash$/i;

/** Whether what stands under this name is to be shown to few: a key, a password. Plain numbers never are. */
export function isSecretName(name: string, rawValue: string): boolean {
  return SECRET.test(name) && !/^(-?\d|true|false|null|NaN|-?Infinity)/.test(rawValue);
}

/** Whether a value has a secret anywhere inside, by the names of its members. */
export function holdsSecret(raw: string): boolean {
  for (const match of raw.matchAll(/"((?:[^"\\]|\\.)*)"\s*:\s*(.)/gs)) {
    if (isSecretName(match[1] ?? "", match[2] ?? "")) return true;
  }
  return false;
}
