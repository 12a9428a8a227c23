/** A list of changes of names without end, each of which is there whole or not at all after a crash, in this order. */
import { linkSync, mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Paths that exist after the first `count` steps. */
export function namesAfter(count: number): Set<string> {
  const names = new Set(['a', 'b']);
  for (let i = 0; i < count; i++) {
    switch (i % 8) {
      case 2:
        names.delete(`a/f-${i - 1}`);
        names.add(`b/r-${i}`);
        break;
      case 3:
        names.delete(`a/f-${i - 3}`);
        break;
      case 5:
        names.add(`b/l-${i}`);
        break;
      case 6:
        names.add(`a/s-${i}`);
        break;
      case 7:
        names.add(`b/d-${i}`);
        break;
      default:
        names.add(`a/f-${i}`);
    }
  }
  return names;
}

/** The step with that number; `a` and `b` are there. */
export function step(root: string, i: number): void {
  const at = (name: string): string => join(root, name);
  switch (i % 8) {
    case 2:
      renameSync(at(`a/f-${i - 1}`), at(`b/r-${i}`));
      break;
    case 3:
      unlinkSync(at(`a/f-${i - 3}`));
      break;
    case 5:
      linkSync(at(`a/f-${i - 1}`), at(`b/l-${i}`));
      break;
    case 6:
      symlinkSync('s'.repeat(100 + (i % 50)), at(`a/s-${i}`));
      break;
    case 7:
      mkdirSync(at(`b/d-${i}`));
      break;
    default:
      writeFileSync(at(`a/f-${i}`), '');
  }
}
