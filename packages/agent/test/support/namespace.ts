import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';

const INSIDE = 'BROWSER_VM_AGENT_TEST_INSIDE';

/** Where the test's own directory is mounted: in memory, seen by this test alone. */
export const WORLD = '/mnt';

/** Milliseconds until the tests inside are ended; each wait in them has a shorter limit of its own. */
const LIMIT = 480_000;

/**
 * Are we in namespaces of our own? Outside: declares one test that runs the file again inside network,
 * mount and process namespaces, with an environment that holds nothing of the machine's. Whatever is
 * started inside ends with them.
 */
export function inOwnNamespaces(file: string): boolean {
  if (process.env[INSIDE] === '1') {
    arrange();
    return true;
  }
  test('in namespaces of its own', async () => {
    const child = spawn(
      'unshare',
      [
        ...['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
        ...['--', process.execPath, '--disable-warning=ExperimentalWarning', '--test-reporter=spec', file],
      ],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: LIMIT,
        killSignal: 'SIGKILL',
        env: { [INSIDE]: '1', PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', HOME: '/root' },
      },
    );
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const [code, signal] = await once(child, 'close');
    console.log(output);
    if (code !== 0) throw new Error(`the tests inside failed (${signal ?? `exit code ${code}`}):\n${output}`);
  });
  return false;
}

/** Names of the world resolve to loopback; policies and certificates written here stay here. */
function arrange(): void {
  const run = (file: string, ...args: string[]) => execFileSync(file, args, { stdio: 'inherit' });
  run('ip', 'link', 'set', 'lo', 'up');
  run('mount', '-t', 'tmpfs', '-o', 'mode=0755', 'world', WORLD);
  run('mount', '-t', 'tmpfs', '-o', 'mode=0755', 'policies', '/etc/chromium');
  writeFileSync(`${WORLD}/hosts`, '127.0.0.1 localhost auth.openai.com\n');
  run('mount', '--bind', `${WORLD}/hosts`, '/etc/hosts');
  run('cp', '/etc/ssl/certs/ca-certificates.crt', `${WORLD}/ca-certificates.crt`);
  run('mount', '--bind', `${WORLD}/ca-certificates.crt`, '/etc/ssl/certs/ca-certificates.crt');
}
