import type { BlockDevice } from '@vexfs/fuse/volume';

/** Something that another program wrote and would recognise again. */
export interface Signature {
  /** With its article, to stand behind "it holds". */
  readonly what: string;
  /** Byte position of the magic; what is at this place has to go for the thing to be gone. */
  readonly position: number;
}

interface Magic {
  readonly what: string;
  readonly position: number;
  readonly bytes: Uint8Array;
}

function text(what: string, position: number, magic: string): Magic {
  return { what, position, bytes: new TextEncoder().encode(magic) };
}

function hex(what: string, position: number, magic: string): Magic {
  return { what, position, bytes: new Uint8Array(Buffer.from(magic, 'hex')) };
}

const SWAP = 'a swap area';
const GPT = 'a GPT partition table';
const RAID = 'a member of a Linux RAID';

/**
 * Magic numbers at fixed places from the front, each from its format's own documentation (the kernel's
 * include/uapi/linux/magic.h and fs/, UEFI 2.10 section 5.3, ECMA-119, the LVM2 and LUKS on-disk descriptions).
 */
const FRONT: readonly Magic[] = [
  text('a vexfs volume', 0, 'VEXF'),
  hex('an ext2, ext3 or ext4 filesystem', 1080, '53ef'),
  text('an XFS filesystem', 0, 'XFSB'),
  text('a btrfs filesystem', 65600, '_BHRfS_M'),
  text('an NTFS filesystem', 3, 'NTFS    '),
  text('an exFAT filesystem', 3, 'EXFAT   '),
  text('a BitLocker volume', 3, '-FVE-FS-'),
  text('a FAT filesystem', 54, 'FAT12   '),
  text('a FAT filesystem', 54, 'FAT16   '),
  text('a FAT filesystem', 82, 'FAT32   '),
  hex('an F2FS filesystem', 1024, '1020f5f2'),
  hex('an EROFS filesystem', 1024, 'e2e1f5e0'),
  text('an HFS+ filesystem', 1024, 'H+'),
  text('an APFS container', 32, 'NXSB'),
  text('a JFS filesystem', 32768, 'JFS1'),
  text('a ReiserFS filesystem', 65588, 'ReIsEr'),
  hex('a bcachefs filesystem', 4120, 'c68573f64e1a45ca8265f57f48ba6d81'),
  text('a squashfs filesystem', 0, 'hsqs'),
  text('an ISO 9660 filesystem', 32769, 'CD001'),
  text('a UDF filesystem', 32769, 'BEA01'),
  hex('a LUKS container', 0, '4c554b53babe'),
  hex('a LUKS container', 16384, '534b554cbabe'),
  ...[0, 512, 1024, 1536].map((position) => text('an LVM physical volume', position, 'LABELONE')),
  ...[4096, 8192, 16384, 65536].flatMap((page) => [
    text(SWAP, page - 10, 'SWAPSPACE2'),
    text(SWAP, page - 10, 'SWAP-SPACE'),
  ]),
  hex(RAID, 0, 'fc4e2ba9'),
  hex(RAID, 4096, 'fc4e2ba9'),
  text(GPT, 512, 'EFI PART'),
  text(GPT, 4096, 'EFI PART'),
  // Last, because boot sectors of filesystems end with the same two bytes.
  hex('a partition table or a boot sector', 510, '55aa'),
];

/** Places counted from the end: the backup GPT, and the superblocks of md formats 1.0 and 0.90. */
function back(size: number): Magic[] {
  const sectors = Math.floor(size / 512);
  return [
    text(GPT, size - 512, 'EFI PART'),
    text(GPT, size - 4096, 'EFI PART'),
    hex(RAID, Math.floor((sectors - 16) / 8) * 8 * 512, 'fc4e2ba9'),
    hex(RAID, Math.floor(size / 65536) * 65536 - 65536, 'fc4e2ba9'),
  ];
}

/** Every known magic number found on the device, most telling first. Throws DeviceError. */
export function findSignatures(device: BlockDevice): Signature[] {
  const found: Signature[] = [];
  for (const magic of [...FRONT, ...back(device.size)]) {
    if (magic.position < 0 || magic.position + magic.bytes.length > device.size) continue;
    const bytes = new Uint8Array(magic.bytes.length);
    device.read(magic.position, bytes);
    if (Buffer.compare(bytes, magic.bytes) === 0) found.push({ what: magic.what, position: magic.position });
  }
  return found;
}
