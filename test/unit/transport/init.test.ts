import {
  encodeInitOut,
  encodeMajorOut,
  INIT,
  INIT2,
  type InitWishes,
  initFlagNames,
  initIn,
  initOut,
  negotiate,
  type Session,
} from '@vexfs/fuse/protocol';
import test, { type ExecutionContext } from 'ava';

const wishes: InitWishes = {
  flags: INIT.ASYNC_READ | INIT.POSIX_ACL | INIT.MAX_PAGES | INIT.INIT_EXT,
  flags2: INIT2.DIRECT_IO_ALLOW_MMAP,
  maxWrite: 1024 * 1024,
  maxReadahead: 1024 * 1024,
  maxBackground: 64,
  timeGranularity: 1,
};

interface Offer {
  readonly major?: number;
  readonly minor: number;
  readonly flags: number;
  readonly flags2?: number;
  readonly readahead?: number;
}

function offer(of: Offer): DataView {
  const view = new DataView(new ArrayBuffer(initIn.$.size));
  initIn.major.set(view, 0, of.major ?? 7);
  initIn.minor.set(view, 0, of.minor);
  initIn.max_readahead.set(view, 0, of.readahead ?? 131072);
  initIn.flags.set(view, 0, of.flags);
  initIn.flags2.set(view, 0, of.flags2 ?? 0);
  return view;
}

function agreed(t: ExecutionContext, of: Offer, length = 64): Session {
  const negotiation = negotiate(offer(of), 0, length, wishes);
  if (negotiation.outcome !== 'agreed') return t.fail(`outcome ${negotiation.outcome}`) as never;
  return negotiation.session;
}

const EVERYTHING = 0x7fffffff;

test('only flags that the kernel offers are asked for', (t) => {
  const session = agreed(t, { minor: 38, flags: INIT.ASYNC_READ | INIT.SPLICE_READ });
  t.is(session.flags, INIT.ASYNC_READ);
  t.is(session.flags2, 0);
});

test('a newer kernel is answered with the newest minor version of ours, an older one with its own', (t) => {
  t.is(agreed(t, { minor: 99, flags: 0 }).minor, 41);
  t.is(agreed(t, { minor: 31, flags: 0 }).minor, 31);
});

test('flags2 count only where the kernel said that it sends them', (t) => {
  const flags2 = INIT2.DIRECT_IO_ALLOW_MMAP;
  const session = agreed(t, { minor: 41, flags: EVERYTHING, flags2 });
  t.is(session.flags2, flags2);
  t.not(session.flags & INIT.INIT_EXT, 0);
  t.is(agreed(t, { minor: 41, flags: EVERYTHING & ~INIT.INIT_EXT, flags2 }).flags2, 0);
  const short = agreed(t, { minor: 35, flags: EVERYTHING, flags2 }, 16);
  t.is(short.flags2, 0);
  t.is(short.flags & INIT.INIT_EXT, 0);
});

test('without MAX_PAGES a write carries 32 pages, with it what was wished for, and the buffer holds it', (t) => {
  const plain = agreed(t, { minor: 38, flags: EVERYTHING & ~INIT.MAX_PAGES });
  t.is(plain.maxWrite, 131072);
  t.is(plain.requestBuffer, 131072 + 4096);
  const large = agreed(t, { minor: 38, flags: EVERYTHING });
  t.is(large.maxWrite, 1048576);
  t.is(large.maxPages, 256);
});

test('readahead is never more than the kernel allows', (t) => {
  t.is(agreed(t, { minor: 38, flags: 0, readahead: 4096 }).maxReadahead, 4096);
});

test('a kernel of a later major version is asked again, one too old is refused with its version', (t) => {
  t.deepEqual(negotiate(offer({ major: 8, minor: 0, flags: 0 }), 0, 64, wishes), { outcome: 'again' });
  const refused = negotiate(offer({ minor: 30, flags: 0 }), 0, 16, wishes);
  t.is(refused.outcome, 'refused');
  if (refused.outcome === 'refused') t.regex(refused.reason, /7\.30; 7\.31 or newer/);
  t.is(negotiate(offer({ major: 6, minor: 99, flags: 0 }), 0, 64, wishes).outcome, 'refused');
});

test('the reply repeats what was agreed and clears the rest', (t) => {
  const session = agreed(t, { minor: 41, flags: EVERYTHING, flags2: -1 >>> 0 });
  const bytes = new Uint8Array(80).fill(0xaa);
  const view = new DataView(bytes.buffer);
  t.is(encodeInitOut(view, 8, session), 64);
  t.is(initOut.major.get(view, 8), 7);
  t.is(initOut.minor.get(view, 8), 41);
  t.is(initOut.max_write.get(view, 8), 1048576);
  t.is(initOut.max_background.get(view, 8), 64);
  t.is(initOut.congestion_threshold.get(view, 8), 48);
  t.is(initOut.flags2.get(view, 8), INIT2.DIRECT_IO_ALLOW_MMAP);
  t.true(bytes.subarray(8 + 36, 72).every((byte) => byte === 0));
  t.is(bytes[72], 0xaa);
  t.is(encodeMajorOut(view, 8), 64);
  t.is(initOut.major.get(view, 8), 7);
  t.is(initOut.flags.get(view, 8), 0);
});

test('flags are named for logs', (t) => {
  t.deepEqual(initFlagNames(INIT.POSIX_ACL | INIT.ASYNC_READ, INIT2.ALLOW_IDMAP), [
    'ASYNC_READ',
    'POSIX_ACL',
    'ALLOW_IDMAP',
  ]);
});
