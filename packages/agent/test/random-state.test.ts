import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuRefreshesEachDraw } from '../src/desktop/random-state.ts';

test('the network process is spared only where BoringSSL trusts the CPU: one of Intel, with RDRAND', () => {
  const cpu = (vendor: string, flags: string) =>
    `processor\t: 0\nvendor_id\t: ${vendor}\nflags\t\t: ${flags}\n`;
  assert.equal(cpuRefreshesEachDraw(cpu('GenuineIntel', 'fpu avx rdrand hypervisor')), true);
  assert.equal(cpuRefreshesEachDraw(cpu('AuthenticAMD', 'fpu avx rdrand hypervisor')), false);
  assert.equal(cpuRefreshesEachDraw(cpu('GenuineIntel', 'fpu avx rdrandom')), false);
  assert.equal(cpuRefreshesEachDraw(''), false);
});
