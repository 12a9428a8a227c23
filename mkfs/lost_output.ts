/**
 * Keeps a closed pipe or a full disk behind stdout or stderr from ending a program with an exit code that says
 * something else: what a run did to its target does not depend on who reads about it.
 */
export function outliveOutput(name: string): void {
  let told = false;
  process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => {
    // A reader such as head that has seen enough is no failure.
    if (told || code === 'EPIPE') return;
    told = true;
    process.stderr.write(`${name}: the output was not written: ${code}\n`);
  });
  process.stderr.on('error', () => {});
}
