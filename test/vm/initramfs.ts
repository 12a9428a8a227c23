import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';

const FOLDER = 0o040755;
const PROGRAM = 0o100755;

/** One member of a cpio archive of the kind that the kernel unpacks ("newc"). */
function member(number: number, name: string, mode: number, content: Buffer): Buffer {
  const fields = [number, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, Buffer.byteLength(name) + 1, 0];
  const words = fields.map((field) => field.toString(16).padStart(8, '0')).join('');
  const pad = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
  return Buffer.concat([pad(Buffer.from(`070701${words}${name}\0`)), pad(content)]);
}

/** Writes what the kernel starts from: /init, and in /modules those that it loads first, named in /modules/list. */
export function writeInitramfs(to: string, init: string, modules: readonly string[]): void {
  const none = Buffer.alloc(0);
  const entries: [string, number, Buffer][] = [
    ['dev', FOLDER, none],
    ['root', FOLDER, none],
    ['modules', FOLDER, none],
    ['init', PROGRAM, readFileSync(init)],
    ['modules/list', PROGRAM, Buffer.from(modules.map((path) => `/modules/${basename(path)}`).join('\n'))],
    ...modules.map((path): [string, number, Buffer] => [
      `modules/${basename(path)}`,
      PROGRAM,
      readFileSync(path),
    ]),
    ['TRAILER!!!', 0, none],
  ];
  const fresh = `${to}.${process.pid}`;
  writeFileSync(
    fresh,
    Buffer.concat(entries.map(([name, mode, content], i) => member(i, name, mode, content))),
  );
  renameSync(fresh, to);
}
