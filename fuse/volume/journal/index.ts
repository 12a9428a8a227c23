/** The jbd2 journal: all that the daemon and fsck know of it. */
export { type BlockDevice, DeviceError } from '../../system/device.js';
export { JournalError } from './error.js';
export { type RecoverOptions, type Recovery, recover } from './recover.js';
export { type JournalArea, type JournalState, journalSuperblock, openJournal } from './superblock.js';
export { type JournaledBlock, JournalWriter, type Transaction } from './writer.js';
