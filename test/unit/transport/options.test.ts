import { escapeOption, MountError, parseMountInfo, parseMountOptions, splitOptions } from '@vexfs/fuse/mount';
import test from 'ava';

test('options are cut at commas that are neither escaped nor quoted', (t) => {
  t.deepEqual(splitOptions('ro,,a=b\\,c,d="x,y",e\\\\f,'), ['ro', 'a=b,c', 'd=x,y', 'e\\f']);
  t.throws(() => splitOptions('a="b'), { instanceOf: MountError, message: /double quotes/ });
});

test('an escaped value is read back as it was', (t) => {
  for (const value of ['plain', 'a,b', 'c:\\d', ',\\,', '']) {
    t.deepEqual(splitOptions(`k=${escapeOption(value)},z`), [`k=${value}`, 'z']);
  }
});

test('options of mount(8), of FUSE and of the daemon are told apart', (t) => {
  const options = parseMountOptions(
    'defaults,ro,nosuid,allow_other,max_read=131072,x-systemd.automount,engine=c,sync_index',
    {
      engine: 'value',
      sync_index: 'flag',
    },
  );
  t.deepEqual(options.mountFlags, ['ro', 'nosuid']);
  t.true(options.readOnly);
  t.true(options.allowOther);
  t.is(options.maxRead, 131072);
  t.is(options.fsname, undefined);
  t.deepEqual(
    [...options.own],
    [
      ['engine', 'c'],
      ['sync_index', ''],
    ],
  );
});

test('the last of ro and rw wins', (t) => {
  t.false(parseMountOptions('ro,rw').readOnly);
  t.true(parseMountOptions('rw,ro').readOnly);
  t.false(parseMountOptions('').readOnly);
});

test('a label with commas reaches mount(8) in quotes', (t) => {
  t.deepEqual(parseMountOptions('context="u:r:t:s0:c1,c2"').mountFlags, ['context="u:r:t:s0:c1,c2"']);
});

for (const [text, message] of [
  ['nonsense', /unknown mount option 'nonsense'/],
  ['toString', /unknown mount option 'toString'/],
  ['ro=1', /'ro' takes no value/],
  ['allow_other=yes', /'allow_other' takes no value/],
  ['max_read=much', /'max_read' needs a number of bytes/],
  ['max_read', /'max_read' needs a number of bytes/],
  ['engine=', /'engine' needs a value/],
  ['engine', /'engine' needs a value/],
  ['loud=1', /'loud' takes no value/],
  ['fsname', /'fsname' needs a value/],
] as const) {
  test(`the option string ${text} is refused with a sentence that names the option`, (t) => {
    const parse = () => parseMountOptions(text, { engine: 'value', loud: 'flag' });
    t.throws(parse, { instanceOf: MountError, message });
  });
}

test('mountinfo is parsed with optional fields, octal escapes and UTF-8', (t) => {
  const lines = [
    '21 1 8:1 / / rw,relatime shared:1 master:7 - ext4 /dev/sda1 rw,errors=remount-ro',
    '99 21 0:51 / /mnt/a\\040b\\134c\\011d\\043 rw,nosuid - fuse.vexfs /vol\\0401.img rw,user_id=0',
    `100 21 0:52 /sub /mnt/${Buffer.from('\u00e9').toString('latin1')} ro - tmpfs tmpfs rw`,
    'rubbish',
    '',
  ];
  const entries = parseMountInfo(lines.join('\n'));
  t.is(entries.length, 3);
  t.like(entries[0], {
    id: 21,
    parent: 1,
    device: '8:1',
    mountpoint: '/',
    type: 'ext4',
    source: '/dev/sda1',
  });
  t.like(entries[1], { mountpoint: '/mnt/a b\\c\td#', type: 'fuse.vexfs', source: '/vol 1.img' });
  t.deepEqual(entries[1]!.mountOptions, ['rw', 'nosuid']);
  t.like(entries[2], { root: '/sub', mountpoint: '/mnt/\u00e9', superOptions: ['rw'] });
});
