import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PROVIDERS } from '@browser-vm/protocol';

const CACHE = new URL('../../../../node_modules/.cache/browser-vm/', import.meta.url).pathname;

/** The directory that holds the real `codex` program, installed by npm when it is not there yet. */
export function codexDirectory(): string {
  const descriptor = PROVIDERS.get('codex')!;
  const { name, version, executable } = descriptor.package;
  const home = join(CACHE, `codex-${version}`);
  const program = join(home, 'node_modules', executable!);
  if (!existsSync(program)) {
    const making = `${home}.${process.pid}`;
    mkdirSync(making, { recursive: true });
    execFileSync(
      'npm',
      [
        'install',
        '--prefix',
        making,
        '--no-save',
        '--no-fund',
        '--no-audit',
        '--loglevel=error',
        `${name}@${version}`,
      ],
      { stdio: 'inherit' },
    );
    rmSync(home, { recursive: true, force: true });
    renameSync(making, home);
  }
  return join(program, '..');
}
