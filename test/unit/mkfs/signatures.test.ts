import { findSignatures } from '@vexfs/mkfs';
import test from 'ava';
import { SparseDevice } from './sparse_device.js';

const SIZE = 16 * 1024 * 1024 + 512 * 3;

/** Magic bytes at their places, as their makers' documents give them. */
const MAGICS: ReadonlyArray<readonly [string, number, string]> = [
  ['a vexfs volume', 0, '56455846'],
  ['an ext2, ext3 or ext4 filesystem', 1080, '53ef'],
  ['an XFS filesystem', 0, '58465342'],
  ['a btrfs filesystem', 65600, '5f42485266535f4d'],
  ['an NTFS filesystem', 3, '4e54465320202020'],
  ['a FAT filesystem', 54, '4641543136202020'],
  ['a FAT filesystem', 82, '4641543332202020'],
  ['a swap area', 4086, '53574150535041434532'],
  ['a swap area', 65526, '53574150535041434532'],
  ['a GPT partition table', 512, '4546492050415254'],
  ['a GPT partition table', SIZE - 512, '4546492050415254'],
  ['a partition table or a boot sector', 510, '55aa'],
  ['a LUKS container', 0, '4c554b53babe0002'],
  ['an LVM physical volume', 512, '4c4142454c4f4e45'],
  ['a squashfs filesystem', 0, '68737173'],
  ['an ISO 9660 filesystem', 32769, '4344303031'],
  ['an F2FS filesystem', 1024, '1020f5f2'],
  ['a member of a Linux RAID', 4096, 'fc4e2ba9'],
  ['a member of a Linux RAID', 16 * 1024 * 1024 - 65536, 'fc4e2ba9'],
  ['a member of a Linux RAID', 16 * 1024 * 1024 - 8192, 'fc4e2ba9'],
];

for (const [what, position, magic] of MAGICS) {
  test(`${magic} at byte ${position} is ${what}`, (t) => {
    const device = new SparseDevice(SIZE);
    device.write(position, new Uint8Array(Buffer.from(magic, 'hex')));
    t.deepEqual(findSignatures(device), [{ what, position }]);
  });
}

test('zeros, and a device of any small size, carry no signature', (t) => {
  for (const size of [0, 1, 511, 512, 513, 4095, 4096, 65536, 65537, SIZE]) {
    t.deepEqual(findSignatures(new SparseDevice(size)), [], `${size} bytes`);
  }
});

test('a filesystem with a boot sector is called by its own name first', (t) => {
  const device = new SparseDevice(SIZE);
  device.write(510, new Uint8Array([0x55, 0xaa]));
  device.write(82, new Uint8Array(Buffer.from('FAT32   ')));
  t.is(findSignatures(device)[0]?.what, 'a FAT filesystem');
});
