/**
 * Many sessions, each ended at another moment; ends with a count of everything leaked.
 *
 *   npm run soak -- [--cycles 200]
 */
import { parseArgs } from 'node:util';
import { soak } from './support/soak.ts';

const { values } = parseArgs({ options: { cycles: { type: 'string', default: '200' } } });
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
}
const { controller, leaked, perSessionMs, sessions } = await soak({
  cycles: Number(values.cycles),
  progress: (line) => process.stderr.write(`${line}\n`),
  signal: stop.signal,
});
const { after, before } = controller;
console.log(
  `controller: ${before.memoryMb} -> ${after.memoryMb} MB, ${before.descriptors} -> ${after.descriptors} descriptors, ` +
    `${before.threads} -> ${after.threads} threads; ${(perSessionMs / 1000).toFixed(1)} s a session`,
);
for (const line of leaked) console.error(`leaked: ${line}`);
console.log(`${sessions} sessions, ${leaked.length} leaked`);
if (leaked.length > 0) process.exitCode = 1;
