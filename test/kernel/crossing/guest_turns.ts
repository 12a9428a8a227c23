/** In a guest: takes the turns that the file `turns` lists, with the module; what came of each goes to `turned`. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { KernelBackend } from '../../parity/backend/kernel.js';
import { type Turn, type Turned, tryTurn } from './turn.js';

const exchange = process.env.VEXFS_EXCHANGE!;
const turned: (Turned | string)[] = [];
for (const turn of deserialize(readFileSync(join(exchange, 'turns'))) as Turn[]) {
  const folder = mkdtempSync(join(tmpdir(), 'vexfs-turn-'));
  turned.push(
    await tryTurn(new KernelBackend(folder, { image: join(exchange, 'images', turn.image) }), turn),
  );
}
writeFileSync(join(exchange, 'turned'), serialize(turned));
