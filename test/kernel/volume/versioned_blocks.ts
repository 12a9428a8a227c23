import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';

/** Content comes in pieces of so many bytes, which are full of the number of the write that made them. */
export const PIECE = 4096;

/** Which write each piece of a file is from. */
export type Versions = readonly number[];

function pieceOf(version: number): Buffer {
  const bytes = Buffer.alloc(PIECE);
  for (let at = 0; at < PIECE; at += 4) bytes.writeUInt32LE(version, at);
  return bytes;
}

/** A file that grows and is written over piece by piece, and what of it has been synced. */
export class VersionedFile {
  private readonly fd: number;
  private readonly versions: number[] = [];
  private writes = 0;

  constructor(path: string) {
    this.fd = openSync(path, 'wx+');
  }

  get pieces(): number {
    return this.versions.length;
  }

  /** Writes piece `at`, or one behind the last. */
  write(at: number): void {
    this.writes += 1;
    if (writeSync(this.fd, pieceOf(this.writes), 0, PIECE, at * PIECE) !== PIECE)
      throw new Error('short write');
    this.versions[at] = this.writes;
  }

  /** Makes all durable; what that is, is promised from now on. */
  sync(): Versions {
    fsyncSync(this.fd);
    return [...this.versions];
  }

  close(): void {
    closeSync(this.fd);
  }
}

/**
 * What is wrong with a file after a crash: pieces that are missing, older than promised, or that no write can have left
 * (torn, or never written although the file reaches there).
 */
export function broken(path: string, promised: Versions): string[] {
  const bytes = readFileSync(path);
  const problems: string[] = [];
  if (bytes.length < promised.length * PIECE)
    problems.push(`${path} has ${bytes.length} bytes and not ${promised.length * PIECE}`);
  for (let at = 0; at * PIECE < bytes.length; at++) {
    const piece = bytes.subarray(at * PIECE, (at + 1) * PIECE);
    if (piece.length < PIECE) {
      problems.push(`${path} ends in the middle of piece ${at}`);
      break;
    }
    const version = piece.readUInt32LE(0);
    if (version === 0 || !piece.equals(pieceOf(version)))
      problems.push(`${path}: no write left piece ${at} like this`);
    else if (version < (promised[at] ?? 0))
      problems.push(`${path}: piece ${at} is from write ${version}, and ${promised[at]} was synced`);
  }
  return problems;
}
