const POWERS: Readonly<Record<string, number>> = { K: 1, M: 2, G: 3, T: 4, P: 5 };

/** `4096`, `64K`, `1G`, `2TiB`: bytes, suffixes in powers of 1024. Throws RangeError with a sentence. */
export function parseSize(text: string): number {
  const match = /^([0-9]+)(?:([KMGTP])(?:iB)?)?$/i.exec(text);
  if (match === null) {
    throw new RangeError(`"${text}" is not a size: a whole number, alone or with K, M, G, T or P`);
  }
  const power = match[2] === undefined ? 0 : POWERS[match[2].toUpperCase()]!;
  const bytes = Number(match[1]) * 1024 ** power;
  if (!Number.isSafeInteger(bytes))
    throw new RangeError(`"${text}" is too large: at most 8P can be addressed`);
  return bytes;
}

/** Bytes for people: `1 GiB`, `62.5 MiB`, `512 bytes`. */
export function describeSize(bytes: number): string {
  let value = bytes;
  let unit = 'bytes';
  for (const next of ['KiB', 'MiB', 'GiB', 'TiB', 'PiB']) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return `${Number(value.toFixed(1))} ${unit}`;
}
