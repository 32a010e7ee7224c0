import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BrowserVmError, type Configuration, configurationSchema } from '@browser-vm/protocol';
import { AdmissionControl } from '../src/admission/admission.ts';
import { decide, type Measured, room } from '../src/admission/decide.ts';
import { pressureOf, readKernelFigures, uniqueMemoryMb } from '../src/admission/kernel-figures.ts';
import { Turns } from '../src/admission/turns.ts';
import { VmCost } from '../src/admission/vm-cost.ts';
import { IdleCores, ticksOf } from '../src/system/idle-cores.ts';

const calm: Measured = {
  availableMb: 20_000,
  swapFreeMb: 0,
  reserveMb: 1200,
  expectedMb: 200,
  vmsMb: [],
  standbyMb: [],
  maxVms: 100,
  slots: { capacity: 100, foreign: 0 },
  cores: 2,
  load: 1,
  maxLoadPerCore: 16,
  cpuPressure: 5,
  memoryPressure: 0,
};
const reason = (changes: Partial<Measured>) => decide({ ...calm, ...changes })?.reason ?? null;

describe('the decision', () => {
  test('a calm host admits, and says what is full when it is', () => {
    assert.equal(reason({}), null);
    assert.equal(reason({ maxVms: 2, vmsMb: [60, 60] }), 'count');
    assert.equal(reason({ slots: { capacity: 4, foreign: 3 }, vmsMb: [60] }), 'slots');
    assert.equal(reason({ availableMb: 1399 }), 'memory');
    assert.equal(reason({ availableMb: 1400 }), null);
    assert.equal(reason({ memoryPressure: 11 }), 'memory');
  });

  test('VMs that have not grown yet are counted as grown, so that a burst is not judged by what is free now', () => {
    // Ten that were just admitted will take 2000; one more needs 200 on top, and 1200 stay untouched.
    const burst = Array.from({ length: 10 }, () => 0);
    assert.equal(reason({ vmsMb: burst, availableMb: 3399 }), 'memory');
    assert.equal(reason({ vmsMb: burst, availableMb: 3400 }), null);
    assert.equal(reason({ vmsMb: burst.map(() => 200), availableMb: 1400 }), null);
  });

  test('growth to come is promised half of the free swap space first; what a new VM takes is memory', () => {
    const burst = { vmsMb: Array.from({ length: 10 }, () => 0) };
    assert.equal(reason({ ...burst, availableMb: 2399, swapFreeMb: 2000 }), 'memory');
    assert.equal(reason({ ...burst, availableMb: 2400, swapFreeMb: 2000 }), null);
    assert.equal(reason({ ...burst, availableMb: 1399, swapFreeMb: 100_000 }), 'memory');
  });

  test('a VM in standby has grown: nothing more is promised to it', () => {
    const vmsMb = Array.from({ length: 10 }, () => 150);
    assert.equal(reason({ vmsMb, availableMb: 1899 }), 'memory');
    assert.equal(reason({ vmsMb, standbyMb: vmsMb.slice(0, 8), availableMb: 1500 }), null);
    assert.equal(
      reason({ vmsMb, standbyMb: vmsMb, availableMb: 1399 }),
      'memory',
      'what they have is not free',
    );
  });

  test('CPUs are full when load and pressure agree, and never for the first VM', () => {
    const busy = { load: 40, vmsMb: [60] };
    assert.equal(reason({ ...busy, cpuPressure: 95 }), 'cpu');
    assert.equal(reason({ ...busy, cpuPressure: null }), 'cpu');
    assert.equal(reason({ ...busy, cpuPressure: 20 }), null, 'a load of tasks that wait for disks');
    assert.equal(reason({ ...busy, vmsMb: [], cpuPressure: 95 }), null);
  });

  test('room is what the scarcest thing leaves', () => {
    assert.equal(room(calm), 94);
    assert.equal(room({ ...calm, maxVms: 7, vmsMb: [200, 200] }), 5);
    assert.equal(room({ ...calm, slots: { capacity: 9, foreign: 6 } }), 3);
    assert.equal(room({ ...calm, availableMb: 100 }), 0);
  });
});

describe('what a VM is expected to take', () => {
  test('first what the template shows, then what VMs took, with a margin that shrinks, within the bound', () => {
    const cost = new VmCost({ initialMb: 700, worstMb: 1500 });
    assert.equal(cost.expectedMb, 700);
    cost.note('young', 30, 1000);
    assert.equal(cost.expectedMb, 700, 'a young VM says nothing yet');
    cost.note('a', 100, 20_000);
    assert.equal(cost.expectedMb, 200);
    for (const vm of 'bcdefghij') cost.note(vm, 100, 20_000);
    assert.ok(Math.abs(cost.expectedMb - 120) < 0.001);
    for (const vm of 'abc') cost.note(vm, 1400, 60_000);
    assert.equal(cost.expectedMb, 1500, 'those that grew count, up to the bound');
  });

  test('the oldest VMs are forgotten', () => {
    const cost = new VmCost({ initialMb: 700, worstMb: 1500 });
    for (let vm = 0; vm < 20; vm += 1) cost.note(`large-${vm}`, 1000, 20_000);
    for (let vm = 0; vm < 50; vm += 1) cost.note(`small-${vm}`, 100, 20_000);
    assert.ok(Math.abs(cost.expectedMb - 120) < 0.001);
  });
});

test("figures come from this machine's kernel", async () => {
  const figures = await readKernelFigures('000000');
  assert.ok(figures.totalMb > figures.availableMb && figures.availableMb > 0);
  assert.ok(figures.cores >= 1 && figures.load >= 0 && figures.foreignSlots >= 0);
  const own = await uniqueMemoryMb([process.pid]);
  assert.ok(own > 5 && own < process.memoryUsage.rss() / 1024 / 1024, `${own}`);
  assert.equal(await uniqueMemoryMb([]), 0);
  const text =
    'some avg10=12.28 avg60=13.21 avg300=27.75 total=1\nfull avg10=0.50 avg60=0 avg300=0 total=0\n';
  assert.deepEqual(
    [pressureOf(text, 'some'), pressureOf(text, 'full'), pressureOf('', 'some')],
    [12.28, 0.5, null],
  );
});

describe('turns to start', () => {
  test('one begins at once, the others when it is over, in their order; who gives up is passed', async () => {
    const turns = new Turns(async () => 0);
    const [first, second, third, fourth] = [{}, {}, {}, {}];
    assert.equal(await turns.begin(first), null);
    const order: string[] = [];
    const leaving = new AbortController();
    const waiting = [
      await turns.begin(second),
      await turns.begin(third, leaving.signal),
      await turns.begin(fourth),
    ];
    assert.deepEqual(
      waiting.map((turn) => turn?.ahead),
      [1, 2, 3],
    );
    assert.equal(waiting[0]?.expectedMs, null, 'nobody knows yet how long a start takes');
    const told: string[] = [];
    for (const [index, turn] of waiting.entries())
      turn?.onMoved(({ ahead, expectedMs }) => told.push(`${index}: ${ahead} ${expectedMs !== null}`));
    for (const [index, turn] of waiting.entries()) {
      turn?.begun.then(
        () => order.push(`${index}`),
        () => order.push(`${index} gave up`),
      );
    }
    leaving.abort(new Error('gave up'));
    assert.deepEqual(told.splice(0), ['2: 2 false'], 'nobody but who moved is told');
    turns.end(first);
    turns.end(first);
    assert.deepEqual(told.splice(0), ['2: 1 true'], 'once, and with what is known by now');
    await waiting[0]?.begun;
    assert.equal(turns.waiting, 1);
    const fifth = await turns.begin({});
    assert.ok((fifth?.expectedMs ?? -1) > 0, 'now it is known how long one took');
    turns.end(second);
    await waiting[2]?.begun;
    assert.deepEqual(order, ['1 gave up', '0', '2']);
  });

  test('as many begin side by side as cores have nothing to do; those not yet seen at work count', async () => {
    let idle = 4;
    const turns = new Turns(async () => idle);
    const starts = Array.from({ length: 6 }, () => ({}));
    const answers = await Promise.all(starts.map((start) => turns.begin(start)));
    assert.equal(answers.filter((turn) => turn === null).length, 4);
    assert.equal(turns.waiting, 2);
    await answers[4]?.begun;
    idle = 0;
    assert.ok(turns.waiting <= 1);
  });

  test('a start that never ends keeps the others from theirs for a minute', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    let now = performance.now();
    context.mock.method(performance, 'now', () => now);
    const turns = new Turns(async () => 0);
    await turns.begin({});
    const next = await turns.begin({});
    now += 60_001;
    context.mock.timers.tick(250);
    await next?.begun;
  });

  test('the idle share of the CPUs comes from the kernel', async () => {
    const text = 'cpu  10 1 20 300 40 5 6 7 2 1\ncpu0 1 0 0\ncpu1 2 0 0\nintr 5\n';
    assert.deepEqual(ticksOf(text), { idle: 340, all: 389, cores: 2 });
    const idle = new IdleCores();
    assert.equal(await idle.look(), null);
  });
});

describe('places', () => {
  const control = (changes: Record<string, unknown>): AdmissionControl => {
    const configuration: Configuration = configurationSchema.parse({
      BROWSER_VM_MEMORY_MB: 64,
      BROWSER_VM_MAX_LOAD: 1000,
      ...changes,
    });
    return new AdmissionControl({ configuration, mark: '000000' });
  };
  const full = (why: string) => (error: BrowserVmError) => {
    assert.equal(error.code, 'host_full');
    assert.equal(error.status, 503);
    assert.equal(error.fault.details?.reason, why);
    assert.ok(Number(error.fault.details?.retryAfterSeconds) >= 1);
    return true;
  };

  test('of many who ask at once as many are let in as fit, and one more when a place is given back', async () => {
    const admission = control({ BROWSER_VM_MAX_VMS: 2 });
    const answers = await Promise.allSettled(Array.from({ length: 5 }, () => admission.take()));
    const places = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    assert.equal(places.length, 2);
    await assert.rejects(admission.admit(), full('count'));
    places[0]?.release();
    places[0]?.release();
    const place = await admission.take();
    await assert.rejects(admission.take(), full('count'));
    admission.fill(place, { vmId: 'vm', processes: [process.pid], isInStandby: false });
    place.release();
    await assert.rejects(admission.take(), full('count'), "a VM's place is not given back before it is gone");
    admission.gone('vm');
    (await admission.take()).release();
    admission.close();
  });

  test('memory that is not there admits nobody', async () => {
    const admission = control({ BROWSER_VM_MEMORY_MB: 65_536 });
    await assert.rejects(admission.take(), full('memory'));
    assert.deepEqual((await admission.capacity()).roomForVms, 0);
    assert.equal(await admission.hasSpareMemory(), false, 'and nothing is made ahead');
    admission.close();
  });

  test('who waits is let in by turns; who gives up, comes late or finds the queue full is told', async () => {
    const admission = control({ BROWSER_VM_MAX_VMS: 3, BROWSER_VM_QUEUE_SECONDS: 60 });
    const held = await Promise.all([1, 2, 3].map(() => admission.take()));
    const leaving = new AbortController();
    const order: string[] = [];
    const told: [string, number, number | null][] = [];
    const waiting = await Promise.all(
      ['first', 'second', 'third'].map(async (name, index) => {
        const { place, waiting, onMoved } = await admission.admit(index === 1 ? leaving.signal : undefined);
        assert.equal(waiting?.reason, 'count');
        assert.equal(waiting?.ahead, index);
        onMoved(({ ahead, expectedSeconds }) => told.push([name, ahead, expectedSeconds]));
        void place.then(
          () => order.push(name),
          () => {},
        );
        return { place };
      }),
    );
    assert.equal((await admission.capacity()).queued, 3);
    await assert.rejects(admission.admit(), full('count'), 'as many wait as may run');
    leaving.abort(new Error('gave up'));
    await assert.rejects(waiting[1]!.place, { message: 'gave up' });
    assert.deepEqual(told.splice(0), [['third', 1, null]], 'no VM has ended yet');
    held[0]?.release();
    await assert.rejects(admission.take(), full('count'), 'nobody overtakes the queue');
    admission.fill(await waiting[0]!.place, { vmId: 'first', processes: [], isInStandby: false });
    assert.deepEqual(told.splice(0), [['third', 0, null]]);
    admission.started('first');
    held[1]?.release();
    await waiting[2]?.place;
    assert.deepEqual(order, ['first', 'third']);
    const { place } = await admission.admit();
    admission.close();
    await assert.rejects(place, { code: 'host_closed' });
  });

  test('who has a place waits for the CPUs however the queue is configured, and is told how many come first', async () => {
    const busy = { BROWSER_VM_MAX_VMS: 200 };
    const admission = control(busy);
    // More than any machine that runs this has idle cores.
    const all = await Promise.all(Array.from({ length: 150 }, () => admission.admit()));
    const atOnce = all.filter(({ waiting }) => waiting === null);
    const later = all.filter(({ waiting }) => waiting !== null);
    assert.ok(atOnce.length >= 1 && later.length >= 1, `${atOnce.length} at once`);
    assert.equal(later.at(-1)?.waiting?.reason, 'cpu');
    assert.ok((later.at(-1)?.waiting?.ahead ?? 0) >= later.length - 1);
    const told: number[] = [];
    later.at(-1)?.onMoved(({ ahead }) => told.push(ahead));
    const next = later[0]!.place;
    for (const { place } of atOnce) (await place).release();
    const place = await next;
    assert.ok(told.length >= 1 && (told[0] ?? 150) < (later.at(-1)?.waiting?.ahead ?? 0), `${told}`);
    assert.deepEqual(
      told,
      [...new Set(told)].toSorted((a, b) => b - a),
      'fewer each time',
    );
    admission.fill(place, { vmId: 'vm', processes: [process.pid], isInStandby: false });
    admission.started('vm');
    await later[1]?.place;
    admission.close();
    await assert.rejects(later.at(-1)!.place, { code: 'host_closed' });
  });

  test('a wait ends after the configured time, with what was full', async () => {
    const admission = control({ BROWSER_VM_MAX_VMS: 1, BROWSER_VM_QUEUE_SECONDS: 1 });
    await admission.take();
    const { place } = await admission.admit();
    await assert.rejects(place, full('count'));
    assert.equal((await admission.capacity()).queued, 0);
    admission.close();
  });
});
