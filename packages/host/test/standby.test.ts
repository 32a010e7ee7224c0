import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';
import { Standby } from '../src/session-vm/standby.ts';

type Step = 'hold' | 'pause' | 'resume' | 'setClock';

/** Every step waits until the test lets it go, so that each interleaving can be made. */
class Steps {
  readonly said: string[] = [];
  readonly #events = new EventEmitter();
  readonly #pending = new Map<Step, PromiseWithResolvers<void>>();
  /** Whether the guest works; asked as often as `busyAsked` says. */
  isBusy = (): boolean => false;
  busyAsked = 0;
  readonly standby: Standby;

  constructor({ afterMs = 1, through = [] }: { afterMs?: number; through?: readonly Step[] } = {}) {
    const step = (name: Step) => async () => {
      this.#say(name);
      if (through.includes(name)) return;
      const pending = Promise.withResolvers<void>();
      this.#pending.set(name, pending);
      await pending.promise;
    };
    this.standby = new Standby({
      afterMs,
      isBusy: async () => {
        this.busyAsked += 1;
        return this.isBusy();
      },
      hold: step('hold'),
      pause: step('pause'),
      resume: step('resume'),
      setClock: step('setClock'),
      release: () => this.#say('release'),
      onStandby: () => this.#say('standby'),
      onAwake: (wakeMs) => {
        assert.ok(wakeMs >= 0);
        this.#say('awake');
      },
      warn: () => this.#say('warned'),
      onLost: () => this.#say('lost'),
    });
  }

  /** Resolves when it was said, now or before. */
  async until(what: string): Promise<void> {
    while (!this.said.includes(what)) await once(this.#events, 'said');
  }

  done(name: Step): void {
    this.#pending.get(name)?.resolve();
  }

  failed(name: Step): void {
    this.#pending.get(name)?.reject(new Error(`${name} failed`));
  }

  /** What was said so far, and forgets it. */
  take(): string[] {
    return this.said.splice(0);
  }

  #say(what: string): void {
    this.said.push(what);
    this.#events.emit('said');
  }
}

const ALL: readonly Step[] = ['hold', 'pause', 'resume', 'setClock'];

async function asleep(steps: Steps): Promise<void> {
  steps.standby.allow();
  await steps.until('standby');
  steps.take();
}

test('quiet leads to standby only while the tool waits for the user, and never when it is switched off', async () => {
  const waits = new Steps({ through: ALL });
  waits.standby.touch();
  assert.deepEqual(waits.take(), []);
  waits.standby.allow();
  await waits.until('standby');
  assert.deepEqual(waits.take(), ['hold', 'pause', 'standby']);
  assert.ok(waits.standby.isAsleep);
  const never = new Steps({ afterMs: 0, through: ALL });
  never.standby.allow();
  assert.deepEqual(never.take(), []);
  waits.standby.close();
});

test('waking starts the CPUs, sets the clock, and only then lets input in', async () => {
  const steps = new Steps({ through: ALL });
  await asleep(steps);
  await steps.standby.awake();
  assert.deepEqual(steps.take(), ['resume', 'setClock', 'release', 'awake']);
  assert.equal(steps.standby.isAsleep, false);
  // Quiet again, it sleeps again.
  await steps.until('standby');
  steps.standby.close();
});

test('any number of wakes at once are one', async () => {
  const steps = new Steps({ through: ALL });
  await asleep(steps);
  steps.standby.forbid();
  await Promise.all([steps.standby.awake(), steps.standby.awake(), steps.standby.use(async () => {})]);
  assert.deepEqual(steps.take(), ['resume', 'setClock', 'release', 'awake']);
});

test('a wake before the CPUs were stopped leaves them running', async () => {
  const steps = new Steps();
  steps.standby.allow();
  await steps.until('hold');
  const awake = steps.standby.awake();
  steps.standby.forbid();
  steps.done('hold');
  await awake;
  assert.deepEqual(steps.take(), ['hold', 'release']);
});

test('a wake while the CPUs are being stopped starts them again', async () => {
  const steps = new Steps({ through: ['hold', 'resume', 'setClock'] });
  steps.standby.allow();
  await steps.until('pause');
  const awake = steps.standby.awake();
  steps.standby.forbid();
  steps.done('pause');
  await awake;
  assert.deepEqual(steps.take(), ['hold', 'pause', 'standby', 'resume', 'setClock', 'release', 'awake']);
});

test('a call keeps the CPUs running from its beginning to its end', async () => {
  const steps = new Steps({ through: ALL });
  await asleep(steps);
  const call = Promise.withResolvers<string>();
  const begun = Promise.withResolvers<void>();
  const used = steps.standby.use(async () => {
    assert.deepEqual(steps.take(), ['resume', 'setClock', 'release', 'awake']);
    begun.resolve();
    return await call.promise;
  });
  await begun.promise;
  // Far longer than the quiet that leads to standby.
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(steps.take(), []);
  call.resolve('answer');
  assert.equal(await used, 'answer');
  await steps.until('standby');
  steps.standby.close();
});

test('a guest that works postpones standby, but not for ever', async () => {
  const steps = new Steps({ afterMs: 20, through: ALL });
  steps.isBusy = () => true;
  const begun = performance.now();
  steps.standby.allow();
  await steps.until('standby');
  assert.ok(steps.busyAsked > 1, `asked ${steps.busyAsked} times`);
  assert.ok(performance.now() - begun >= 100, 'five times the quiet');
  steps.standby.close();
});

test('what is touched while its work is looked at gets all of its time again', async () => {
  const steps = new Steps({ afterMs: 20, through: ALL });
  const touches: number[] = [];
  steps.isBusy = () => {
    if (touches.length < 3) {
      steps.standby.touch();
      touches.push(performance.now());
    }
    return false;
  };
  steps.standby.allow();
  await steps.until('hold');
  assert.ok(performance.now() - (touches[2] ?? Number.POSITIVE_INFINITY) >= 20);
  steps.standby.close();
});

test('a VM that cannot be stopped runs on, and is not tried again', async () => {
  for (const step of ['hold', 'pause'] as const) {
    const steps = new Steps({ through: ALL.filter((name) => name !== step) });
    steps.standby.allow();
    await steps.until(step);
    steps.failed(step);
    await steps.until('release');
    await steps.standby.awake();
    const said = steps.take();
    assert.ok(said.includes('warned') && !said.includes('standby') && !said.includes('awake'), said.join());
    assert.equal(said.includes('resume'), step === 'pause');
  }
});

test('a clock that cannot be set is said, and keeps nobody waiting', async () => {
  const steps = new Steps({ through: ['hold', 'pause', 'resume'] });
  await asleep(steps);
  steps.standby.forbid();
  const awake = steps.standby.awake();
  await steps.until('setClock');
  steps.failed('setClock');
  await awake;
  assert.deepEqual(steps.take(), ['resume', 'setClock', 'warned', 'release', 'awake']);
});

test('a VM that cannot be woken is lost to whoever waits for it', async () => {
  const steps = new Steps({ through: ['hold', 'pause'] });
  await asleep(steps);
  const call = steps.standby.use(async () => assert.fail('its CPUs stand still'));
  await steps.until('resume');
  steps.failed('resume');
  await assert.rejects(call, /resume failed/);
  assert.deepEqual(steps.take(), ['resume', 'lost']);
});

for (const step of ALL) {
  test(`closed during ${step}, it starts nothing more and keeps nobody waiting`, async () => {
    for (const end of ['done', 'failed'] as const) {
      const steps = new Steps({ through: ALL.filter((name) => name !== step) });
      steps.standby.allow();
      if (step === 'resume' || step === 'setClock') {
        await steps.until('standby');
        steps.standby.touch();
      }
      await steps.until(step);
      const waiting = steps.standby.awake();
      steps.standby.close();
      await waiting;
      steps.take();
      steps[end](step);
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(
        !steps.said.some((what) => ['warned', 'lost', 'awake', 'release'].includes(what)),
        steps.said.join(),
      );
      assert.ok(step === 'resume' || !steps.said.includes('resume'));
    }
  });
}
