import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NoGuests, step } from './step.js';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The mirrors that apt of this machine uses, for Debian and for its security updates. */
function mirrors(): { main: string; security: string } {
  const known = step(['apt-get', 'indextargets', '--format', '$(REPO_URI)']).split('\n');
  const main = known.find((uri) => /\/debian\/?$/.test(uri));
  if (main === undefined) throw new NoGuests('apt of this machine has no mirror of Debian');
  return { main, security: known.find((uri) => /\/debian-security\/?$/.test(uri)) ?? main };
}

/**
 * Packages of releases of Debian other than the one that is installed. apt works on lists of its own in a folder; nothing
 * is installed, and apt of the machine does not learn of it.
 */
export class DebianPackages {
  private readonly folder: string;
  private readonly options: readonly string[];

  /** `suites`: as in a line of sources.list. `folder` is made, and the caller's to remove. */
  constructor(folder: string, suites: readonly string[]) {
    this.folder = folder;
    const { main, security } = mirrors();
    mkdirSync(join(folder, 'lists'), { recursive: true });
    mkdirSync(join(folder, 'cache/archives/partial'), { recursive: true });
    mkdirSync(join(folder, 'parts'), { recursive: true });
    const lines = suites.map((suite) => {
      const mirror = suite.endsWith('-security') ? security : main;
      return `deb [signed-by=${KEYRING}] ${mirror} ${suite} main\n`;
    });
    writeFileSync(join(folder, 'sources.list'), lines.join(''));
    writeFileSync(join(folder, 'status'), '');
    const settings = [
      `Dir::Etc::sourcelist=${join(folder, 'sources.list')}`,
      `Dir::Etc::sourceparts=${join(folder, 'parts')}`,
      `Dir::State::lists=${join(folder, 'lists')}`,
      `Dir::State::status=${join(folder, 'status')}`,
      `Dir::Cache=${join(folder, 'cache')}`,
      'APT::Sandbox::User=root',
      'APT::Install-Recommends=false',
      'Acquire::Languages=none',
    ];
    this.options = settings.flatMap((setting) => ['-o', setting]);
    try {
      step(['apt-get', '-q', ...this.options, 'update'], { minutes: 5 });
    } catch (error) {
      throw new NoGuests(`${suites.join(', ')} cannot be reached: ${(error as Error).message}`);
    }
  }

  /** Names of the packages that a package needs, alternatives left out; `from` names its release where several have it. */
  needs(name: string, from?: string): string[] {
    const release = from === undefined ? [] : ['-o', `APT::Default-Release=${from}`];
    const words = ['apt-cache', ...this.options, ...release, 'show', '--no-all-versions', name];
    const line = /^Depends: (.*)$/m.exec(step(words))?.[1] ?? '';
    return line.split(', ').map((need) => need.replace(/ .*/, '').replace(/:.*/, ''));
  }

  /** Unpacks packages into a folder; their dependencies too when asked for. */
  unpack(names: readonly string[], folder: string, withDependencies = false): void {
    const archives = join(this.folder, 'cache/archives');
    mkdirSync(folder, { recursive: true });
    const words = withDependencies ? ['-y', '--download-only', 'install', ...names] : ['download', ...names];
    try {
      step(['apt-get', '-q', ...this.options, ...words], { cwd: archives, minutes: 15 });
    } catch (error) {
      throw new NoGuests(`${names.join(', ')} cannot be fetched: ${(error as Error).message}`);
    }
    for (const archive of readdirSync(archives).filter((entry) => entry.endsWith('.deb'))) {
      step(['dpkg-deb', '-x', join(archives, archive), folder]);
      rmSync(join(archives, archive));
    }
  }
}
