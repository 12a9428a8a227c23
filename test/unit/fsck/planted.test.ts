import { checkVolume } from '@vexfs/mkfs/fsck';
import test from 'ava';
import { PLANTED, type Planted } from './planted.js';
import { PLANTED_NAMES } from './planted_names.js';
import { contentOf, Image, sampleVolume } from './sample_volume.js';
import { Tamper } from './tamper.js';

const sample = sampleVolume();
const before = contentOf(sample);

function damaged({ plant }: Planted): Image {
  const image = new Image(sample.bytes.slice());
  plant(new Tamper(image));
  image.writes = 0;
  return image;
}

test('the sample volume has no error', (t) => {
  const image = new Image(sample.bytes.slice());
  const { exitCode, examination } = checkVolume(image, { mode: 'look' });
  t.deepEqual(examination?.findings.list, []);
  t.is(exitCode, 0);
  t.is(image.writes, 0);
});

for (const planted of [...PLANTED, ...PLANTED_NAMES]) {
  const { what, code, affected = [], safe = false, options = {} } = planted;

  test(`found, repaired and then clean: ${what}`, (t) => {
    const image = damaged(planted);
    const look = checkVolume(image, { mode: 'look', ...options });
    const codes = look.examination!.findings.list.map((finding) => finding.code);
    t.is(look.exitCode, 4, 'a look finds it');
    t.true(codes.includes(code), `${code} is among ${codes.join(', ')}`);
    t.is(image.writes, 0, 'a look writes nothing');

    const repair = checkVolume(image, { mode: 'all', force: true, ...options });
    t.is(repair.exitCode, 1, 'the repair says that it has corrected it');
    const again = checkVolume(image, { mode: 'look' });
    t.deepEqual(again.examination?.findings.list, [], 'nothing is left');
    t.is(again.exitCode, 0);

    const after = contentOf(image);
    for (const [path, line] of before) {
      const mayDiffer = affected.some((at) => path === at || at === '/' || path.startsWith(`${at}/`));
      if (!mayDiffer) t.is(after.get(path), line, path);
    }
  });

  test(`without questions ${safe ? 'repaired' : 'left alone'}: ${what}`, (t) => {
    const image = damaged(planted);
    const bytes = image.bytes.slice();
    const { exitCode } = checkVolume(image, { mode: 'safe', force: true, ...options });
    t.is(exitCode, safe ? 1 : 4);
    if (!safe) t.deepEqual(Buffer.compare(image.bytes, bytes), 0, 'the image is as it was');
    else t.is(checkVolume(image, { mode: 'look' }).exitCode, 0);
  });
}
