import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelCommandLine } from '../src/drivers/qemu/command-line.ts';
import { mapsReadOnlyFiles } from '../src/drivers/qemu/version.ts';
import { parseRecord } from '../src/resolver/configuration.ts';
import { capacityOf, linkOf } from '../src/slot/link.ts';
import { indexOf, markOf, namespaceOf } from '../src/slot/names.ts';

test('each slot has a /30 of its own, up to the capacity of the subnet', () => {
  assert.deepEqual(linkOf('10.231.0.0/16', 0), { host: '10.231.0.1', slot: '10.231.0.2', prefixLength: 30 });
  assert.deepEqual(linkOf('10.231.0.0/16', 64), { host: '10.231.1.1', slot: '10.231.1.2', prefixLength: 30 });
  assert.equal(capacityOf('10.231.0.0/16'), 16_384);
  assert.throws(() => linkOf('10.231.0.0/30', 1), { code: 'bad_slot_subnet' });
  for (const bad of ['10.231.0.1/16', '10.231.0.0', 'fd00::/64', '10.256.0.0/16', '10.0.0.0/31']) {
    assert.throws(() => capacityOf(bad), { code: 'bad_slot_subnet' }, bad);
  }
});

test('a namespace tells its index to its own controller alone', () => {
  const mark = markOf('/run/one');
  assert.equal(indexOf(mark, namespaceOf(mark, 17)), 17);
  assert.equal(indexOf(markOf('/run/other'), namespaceOf(mark, 17)), null);
  assert.equal(indexOf(mark, `bvm-${mark}-17x`), null);
});

test('host records are name=address', () => {
  assert.deepEqual(parseRecord('Auth.Example=203.0.113.5'), { name: 'auth.example', address: '203.0.113.5' });
  for (const bad of ['auth.example', '=1.2.3.4', 'a=1.2.3', 'a=1.2.3.256', 'a b=1.2.3.4']) {
    assert.throws(() => parseRecord(bad), { code: 'bad_host_record' }, bad);
  }
});

test('the clock of the host is handed to guests under emulation alone', () => {
  assert.match(kernelCommandLine({ commandLine: 'x=y' }, 'tcg', 2_596_124), /tsc_early_khz=2596124 .*x=y$/);
  assert.doesNotMatch(kernelCommandLine({ commandLine: '' }, 'kvm', null), /tsc_early_khz|mitigations/);
});

test('QEMU before 8.2 is not given the memory file itself', () => {
  const version = (major: number, minor: number) => ({ major, minor, text: '' });
  assert.deepEqual([version(7, 2), version(8, 1), version(8, 2), version(10, 0)].map(mapsReadOnlyFiles), [
    false,
    false,
    true,
    true,
  ]);
});
