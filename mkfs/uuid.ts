const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The 16 bytes of a UUID in the text form of RFC 9562, in the order they are written. Throws RangeError with a sentence. */
export function parseUuid(text: string): Uint8Array {
  if (!CANONICAL.test(text)) {
    throw new RangeError(`"${text}" is not a UUID like 123e4567-e89b-42d3-a456-426614174000`);
  }
  return new Uint8Array(Buffer.from(text.replaceAll('-', ''), 'hex'));
}

export function formatUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
