import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { paritySuite } from '../backend/suite.js';
import { indexInfo } from '../client/index_calls.js';
import { randomRows } from '../client/stored_rows.js';

const { test, vectorFile } = paritySuite({ size: '64M' });
const VEXCTL = fileURLToPath(new URL('../../../../tools/bin/vexctl.mjs', import.meta.url));
const D = 32;

interface Printed {
  readonly status: number | null;
  readonly error: string;
  readonly value: Readonly<Record<string, unknown>>;
}

function vexctl(...words: string[]): Printed {
  const { status, stdout, stderr } = spawnSync(process.execPath, [VEXCTL, '--json', ...words], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, error: stderr, value: status === 0 ? JSON.parse(stdout) : {} };
}

test('vexctl index makes, tunes, verifies, rebuilds, shows and drops an index', (t) => {
  const { path, fd } = vectorFile({ dimensions: D }, randomRows(5000, D, 1));
  t.is(vexctl('index', 'info', path).value.state, 'none');
  const made = vexctl(
    'index',
    'create',
    path,
    '-m',
    'cosine',
    '--M',
    '8',
    '--ef-construction',
    '60',
    '--ef',
    '30',
  );
  t.is(made.status, 0, made.error);
  const { state, type, metric, m, efConstruction, efSearch, indexedRows, lag } = made.value;
  t.deepEqual(
    { state, type, metric, m, efConstruction, efSearch, indexedRows, lag },
    {
      state: 'ready',
      type: 'graph',
      metric: 'cosine',
      m: 8,
      efConstruction: 60,
      efSearch: 30,
      indexedRows: 5000,
      lag: 0,
    },
  );
  t.is(vexctl('index', 'tune', path, '--ef', '99', '--automatic', '77').value.efSearch, 99);
  t.is(indexInfo(fd).automatic_rows ?? -1, 77);
  t.is(vexctl('index', 'verify', path).status, 0);
  t.is(vexctl('index', 'rebuild', path).value.indexedRows, 5000);
  t.is(vexctl('index', 'wait', path).value.lag, 0);
  t.is(vexctl('stats', path).value.indexedRows, 5000);
  t.is(vexctl('index', 'drop', path).value.state, 'none');
  const refused = vexctl('index', 'wait', path);
  t.not(refused.status, 0);
  t.regex(refused.error, /ENOENT/);
});
