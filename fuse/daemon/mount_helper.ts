/**
 * mount(8) runs /sbin/mount.fuse.vexfs as `mount.fuse.vexfs SOURCE DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]`
 * (mount(8), "External helpers"). This turns such a command line into one of vexfs-fuse; undefined when `-f` (fake) asks
 * for nothing to be done.
 */
export function fromMountHelper(words: readonly string[]): string[] | undefined {
  const targets: string[] = [];
  const options: string[] = [];
  let fake = false;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === '-o') {
      i += 1;
      const given = words[i];
      if (given !== undefined && given !== '') options.push('-o', given);
    } else if (word === '-t' || word === '-N') {
      i += 1;
    } else if (/^-[sfnv]+$/.test(word)) {
      fake ||= word.includes('f');
    } else {
      targets.push(word);
    }
  }
  return fake ? undefined : [...options, '--', ...targets];
}
