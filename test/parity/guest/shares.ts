/**
 * Guests that run on a processor one after the other. Few, because each begins with what runs tests, which takes as long as
 * most files; more than one, because a kernel that dies hides what is left of its files.
 */
const GUESTS_A_PROCESSOR = 3;
/** Seconds of a file that is not named below. */
const USUAL = 4;
/** Seconds of those that take longer, on a processor of their own: half or twice of it does no harm. Names as in main.ts. */
const LONG: Readonly<Record<string, number>> = {
  'posix/content': 35,
  'posix/names': 30,
  'posix/paths': 30,
  'posix/permissions': 30,
  'operations/random': 25,
  races: 25,
  large_batches: 20,
  'index/life': 15,
  'index/deletes': 12,
  coherence: 11,
  durability: 11,
  'index/graph': 9,
  refused_volumes: 9,
  'vss/answers': 9,
  full_disk: 8,
  'posix/fsx/fsx_1k': 8,
  'posix/fsx/fsx_4k': 8,
  'vss/threads': 8,
};

function secondsOf(files: readonly string[]): number {
  return files.reduce((sum, file) => sum + (LONG[file] ?? USUAL), 0);
}

/** A list of files for each guest, for so many processors: lists take a like time, and the longest stands first. */
export function shares(files: readonly string[], processors: number): string[][] {
  const guests = Array.from({ length: processors * GUESTS_A_PROCESSOR }, (): string[] => []);
  for (const file of files.toSorted((one, other) => secondsOf([other]) - secondsOf([one])))
    guests.reduce((least, each) => (secondsOf(each) < secondsOf(least) ? each : least)).push(file);
  return guests.filter((each) => each.length > 0).toSorted((one, other) => secondsOf(other) - secondsOf(one));
}
