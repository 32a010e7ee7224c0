import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Supervised } from '../src/desktop/supervised.ts';

test('a process that ends is reported with exit code and last words, starts again later each time, and leaves its sibling alone', async () => {
  const ends: unknown[] = [];
  const twice = Promise.withResolvers<void>();
  const watcher = {
    line: () => {},
    ended: (...what: readonly unknown[]) => {
      if (ends.push(what) === 2) twice.resolve();
    },
  };
  const command = (name: string, script: string) => ({ name, argv: () => ['sh', '-c', script], env: {} });
  const broken = new Supervised(command('display', 'echo no screens found >&2; exit 3'), watcher);
  const sibling = new Supervised(command('browser', 'exec sleep 1000'), watcher);
  sibling.start();
  const { pid } = sibling;
  broken.start();
  await twice.promise;
  await broken.stop();
  assert.deepEqual(ends, [
    ['display', 'exit code 3', 'no screens found', 250],
    ['display', 'exit code 3', 'no screens found', 500],
  ]);
  assert.equal(sibling.pid, pid);
  process.kill(pid!, 0);
  await sibling.stop();
  assert.equal(ends.length, 2, 'what was stopped did not end by itself');
  assert.throws(() => process.kill(pid!, 0), { code: 'ESRCH' });
});

test('a program that is not there is reported by name', async () => {
  const ended = Promise.withResolvers<string>();
  const absent = new Supervised(
    { name: 'display', argv: () => ['/nowhere/display'], env: {} },
    { line: () => {}, ended: (_name, how) => ended.resolve(how) },
  );
  absent.start();
  assert.match(await ended.promise, /\/nowhere\/display/);
  await absent.stop();
});
