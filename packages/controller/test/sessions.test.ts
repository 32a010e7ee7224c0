import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  BrowserVmError,
  credentialsResponseSchema,
  faultSchema,
  type SessionEvent,
  sessionEventSchema,
  sessionSchema,
} from '@browser-vm/protocol';
import { API_TOKEN, type Running, startController, temporaryDirectory } from './support/controller.ts';
import { DATABASES, Databases } from './support/databases.ts';
import { CREDENTIAL, fault, ScriptedHost, type ScriptedVm } from './support/scripted-host.ts';

const databases = new Databases();
after(() => databases.stop());

for (const kind of DATABASES) {
  describe(`sessions on ${kind}`, () => {
    let running: Running;
    before(async () => {
      running = await startController({ configuration: { DATABASE_URL: await databases.newUrl(kind) } });
    });
    after(async () => {
      await running.close();
      assert.equal(running.host.leaked, 0, 'a VM was left');
    });

    const begin = async (userId?: string): Promise<{ sessionId: string; vm: ScriptedVm }> => {
      const { sessionId } = await running.start(userId);
      return { sessionId, vm: await running.host.vmOf(sessionId) };
    };
    const cancel = (sessionId: string) =>
      running.request(`/api/auth/session/${sessionId}/cancel`, { method: 'POST' });
    const history = async (sessionId: string): Promise<SessionEvent['event'][]> => {
      const text = await (await running.request(`/api/auth/session/${sessionId}/events`)).text();
      const lines = text.matchAll(/^event: session\nid: \d+\ndata: (.*)$/gm);
      return [...lines].map(([, data]) => sessionEventSchema.parse(JSON.parse(data ?? '')).event);
    };
    const events = async (sessionId: string): Promise<string[]> =>
      (await history(sessionId)).map((event) => {
        if (event.type === 'stage') return event.stage;
        return event.type === 'state' ? event.state : event.type;
      });

    test('a sign-in goes through its states, stores the credential, and only then lets the VM go', async () => {
      const { sessionId, vm } = await begin('carol');
      assert.deepEqual(vm.request.provider.id, 'codex');
      vm.becomeReady();
      await running.reaches(sessionId, 'ready');
      assert.ok(vm.calls.includes('signIn'));
      vm.push({ type: 'login_started' }, { type: 'url_opened', origin: 'https://auth.openai.com' });
      await running.reaches(sessionId, 'signing_in');
      vm.push({ type: 'credential_seen' }, { type: 'credential_ready' });
      const session = sessionSchema.parse(await running.reaches(sessionId, 'completed'));
      assert.deepEqual(vm.calls, ['signIn', 'takeCredential', 'stop']);
      assert.equal(session.fault, null);
      assert.ok(session.endedAt !== null && session.updatedAt >= session.endedAt);

      const response = await running.request('/api/credentials?userId=carol');
      const text = await response.text();
      assert.ok(!text.includes('SECRET-CONTENT'));
      const [summary] = credentialsResponseSchema.parse(JSON.parse(text)).credentials;
      assert.equal(summary?.credentialId, session.credentialId);
      assert.equal(summary?.account, 'person@example.org');
      assert.equal(summary?.expiresAt, CREDENTIAL.expiresAt);
      assert.deepEqual(await running.controller.readCredential(session.credentialId ?? ''), CREDENTIAL);

      assert.deepEqual(await events(sessionId), [
        'starting',
        'slot_taken',
        'streamer_ready',
        'vm_resumed',
        'agent_ready',
        'identity_set',
        'desktop_ready',
        'ready',
        'login_started',
        'signing_in',
        'url_opened',
        'credential_seen',
        'credential_stored',
        'completed',
        'vm_gone',
      ]);
    });

    test('each time a VM goes to standby and wakes is in the history, with what waking cost', async () => {
      const { sessionId, vm } = await begin('sleeper');
      vm.becomeReady();
      vm.push({ type: 'login_started' }, { type: 'url_opened', origin: 'https://auth.openai.com' });
      for (const wakeMs of [12.34, 56]) vm.push({ type: 'standby' }, { type: 'awake', wakeMs });
      vm.push({ type: 'credential_ready' });
      await running.reaches(sessionId, 'completed');
      assert.deepEqual(
        (await history(sessionId)).filter(({ type }) => type === 'standby' || type === 'awake'),
        [
          { type: 'standby' },
          { type: 'awake', wakeMs: 12.3 },
          { type: 'standby' },
          { type: 'awake', wakeMs: 56 },
        ],
      );
    });

    test('a second sign-in replaces the credential, and a deleted one is gone', async () => {
      const ids: (string | null)[] = [];
      for (let round = 0; round < 2; round += 1) {
        const { sessionId, vm } = await begin('dave');
        vm.becomeReady();
        vm.push({ type: 'login_started' }, { type: 'credential_ready' });
        ids.push((await running.reaches(sessionId, 'completed')).credentialId);
      }
      assert.equal(ids[0], ids[1]);
      const remove = () => running.request(`/api/credentials/${ids[0]}`, { method: 'DELETE' });
      assert.equal((await remove()).status, 204);
      assert.equal((await remove()).status, 404);
      const list = await running.request('/api/credentials?userId=dave');
      assert.deepEqual(await list.json(), { credentials: [] });
      const sessions = await running.request('/api/auth/sessions?userId=dave');
      const { sessions: rows } = (await sessions.json()) as { sessions: { status: string }[] };
      assert.deepEqual(
        rows.map(({ status }) => status),
        ['completed', 'completed'],
      );
    });

    test('a VM that fails at any step fails its session, with the reason and the last console lines', async () => {
      const steps: ((vm: ScriptedVm) => void)[] = [
        () => {},
        (vm) => vm.push({ type: 'slot_taken' }, { type: 'streamer_ready' }),
        (vm) => vm.becomeReady(),
        (vm) => {
          vm.becomeReady();
          vm.push({ type: 'login_started' });
        },
        (vm) => {
          vm.becomeReady();
          vm.push({ type: 'login_started' }, { type: 'credential_seen' });
        },
      ];
      for (const step of steps) {
        const { sessionId, vm } = await begin();
        step(vm);
        vm.push({ type: 'failed', fault: fault('kernel_panic'), consoleTail: ['a', 'Kernel panic'] });
        const session = await running.reaches(sessionId, 'failed');
        assert.equal(session.fault?.code, 'kernel_panic');
        assert.deepEqual(session.consoleTail, ['a', 'Kernel panic']);
        assert.ok(vm.stopped);
      }
    });

    test('a VM that ends without a word fails its session; what it printed is kept and made safe', async () => {
      const { sessionId, vm } = await begin();
      vm.becomeReady();
      await running.reaches(sessionId, 'ready');
      vm.die();
      const session = await running.reaches(sessionId, 'failed');
      assert.equal(session.fault?.code, 'vm_ended');
      assert.deepEqual(session.consoleTail, ['the last line of the console']);
    });

    test('an agent that refuses the sign-in fails the session', async () => {
      const { sessionId, vm } = await begin();
      vm.signInFault = fault('tool_missing');
      vm.becomeReady();
      assert.equal((await running.reaches(sessionId, 'failed')).fault?.code, 'tool_missing');
    });

    test('a credential that cannot be read fails the session and stores nothing', async () => {
      const { sessionId, vm } = await begin('erin');
      vm.credentialGate = Promise.reject(new BrowserVmError(fault('agent_gone')));
      vm.credentialGate.catch(() => {});
      vm.becomeReady();
      vm.push({ type: 'login_started' }, { type: 'credential_ready' });
      const session = await running.reaches(sessionId, 'failed');
      assert.equal(session.fault?.code, 'agent_gone');
      const list = await running.request('/api/credentials?userId=erin');
      assert.deepEqual(await list.json(), { credentials: [] });
    });

    test('a VM that fails while its credential is being stored does not undo the sign-in', async () => {
      const { sessionId, vm } = await begin();
      const gate = Promise.withResolvers<void>();
      vm.credentialGate = gate.promise;
      vm.becomeReady();
      vm.push({ type: 'login_started' }, { type: 'credential_ready' });
      vm.push({ type: 'failed', fault: fault('late'), consoleTail: [] });
      await running.reaches(sessionId, 'signing_in');
      gate.resolve();
      await running.reaches(sessionId, 'completed');
    });

    test('of a cancellation and a sign-in that race, one wins and nothing changes it again', async () => {
      const outcomes = new Set<string>();
      for (let round = 0; round < 8; round += 1) {
        const userId = `racer-${round}`;
        const { sessionId, vm } = await begin(userId);
        vm.becomeReady();
        vm.push({ type: 'login_started' });
        await running.reaches(sessionId, 'signing_in');
        vm.push({ type: 'credential_ready' });
        if (round % 2 === 1) await new Promise((resolve) => setImmediate(resolve));
        const answers = await Promise.all([cancel(sessionId), cancel(sessionId)]);
        await (await running.request(`/api/auth/session/${sessionId}/events`)).text();
        const session = await running.session(sessionId);
        outcomes.add(session.status);
        const stored = await running.request(`/api/credentials?userId=${userId}`);
        const { credentials } = credentialsResponseSchema.parse(await stored.json());
        assert.equal(credentials.length, session.status === 'completed' ? 1 : 0);
        const expected = session.status === 'cancelled' ? 200 : 409;
        assert.deepEqual(
          answers.map(({ status }) => status),
          [expected, expected],
        );
        const states = (await events(sessionId)).filter(
          (name) => name === 'completed' || name === 'cancelled',
        );
        assert.deepEqual(states, [session.status]);
        assert.ok(vm.stopped);
      }
      assert.ok([...outcomes].every((status) => status === 'completed' || status === 'cancelled'));
    });

    test('an ended session refuses what needs its VM', async () => {
      const { sessionId } = await begin();
      assert.equal((await cancel(sessionId)).status, 200);
      await running.reaches(sessionId, 'cancelled');
      const offer = await running.request(`/api/webrtc/session/${sessionId}/offer`, {
        method: 'POST',
        body: JSON.stringify({ viewerId: '6f1e9b6c-4d0a-4f0e-8b1a-0d4f7f3f2a10', sdp: 'v=0' }),
      });
      assert.equal(offer.status, 409);
      assert.equal(faultSchema.parse(await offer.json()).code, 'session_over');
    });

    test("the host's refusal is the answer, and the session's reason", async () => {
      running.host.refuse = new BrowserVmError(
        { code: 'memory_short', message: '512 MB free, 1024 needed', hop: 'host', remedy: 'free some' },
        { status: 503 },
      );
      try {
        const response = await running.request('/api/auth/start', {
          method: 'POST',
          body: '{"userId":"frank","provider":"codex"}',
        });
        assert.equal(response.status, 503);
        assert.equal(faultSchema.parse(await response.json()).code, 'memory_short');
        const list = await running.request('/api/auth/sessions?userId=frank');
        const { sessions } = (await list.json()) as { sessions: { status: string; fault: unknown }[] };
        assert.equal(sessions[0]?.status, 'failed');
        assert.equal(faultSchema.parse(sessions[0]?.fault).code, 'memory_short');
      } finally {
        running.host.refuse = null;
      }
    });

    test('a VM that does not stop at once is stopped again', async () => {
      const { sessionId, vm } = await begin();
      vm.stopFailures = 1;
      await cancel(sessionId);
      await running.reaches(sessionId, 'cancelled');
      assert.deepEqual(vm.calls, ['stop', 'stop']);
      assert.equal((await events(sessionId)).at(-1), 'vm_gone');
    });

    test('the log holds no token, no cookie and no credential', async () => {
      const text = running.log();
      assert.ok(text.includes('"path":"/api/auth/start"'), 'requests are logged');
      assert.ok(!text.includes(API_TOKEN));
      assert.ok(!text.includes('SECRET-CONTENT'));
      assert.ok(!text.includes('Bearer '));
      assert.ok(!text.includes('eyJ'), 'the beginning of every JWT');
      assert.ok(!text.includes('code='));
    });
  });
}

for (const kind of DATABASES) {
  test(`a restart on ${kind} fails what was open, keeps what was ended, and asks the host to clean up`, async () => {
    const stateDirectory = await temporaryDirectory();
    const configuration = { DATABASE_URL: await databases.newUrl(kind) };
    try {
      const first = await startController({ stateDirectory, configuration });
      const cancelled = await first.start();
      await first.request(`/api/auth/session/${cancelled.sessionId}/cancel`, { method: 'POST' });
      await first.reaches(cancelled.sessionId, 'cancelled');
      const open = await first.start();
      const second = startController({ stateDirectory, configuration });
      await assert.rejects(second, { name: 'BrowserVmError', message: /another controller/ });
      await first.close();
      assert.equal(first.host.leaked, 0);

      const host = new ScriptedHost();
      const again = await startController({ stateDirectory, configuration, host });
      try {
        assert.equal(host.reconciled, 1);
        assert.equal((await again.session(cancelled.sessionId)).status, 'cancelled');
        const session = await again.session(open.sessionId);
        assert.equal(session.status, 'failed');
        assert.equal(session.fault?.code, 'controller_stopped');
      } finally {
        await again.close();
      }
    } finally {
      await rm(stateDirectory, { recursive: true });
    }
  });
}

for (const kind of DATABASES) {
  test(`a controller that was killed on ${kind} leaves a session that the next one fails`, async () => {
    const stateDirectory = await temporaryDirectory();
    const DATABASE_URL = await databases.newUrl(kind);
    try {
      const child = spawn(
        process.execPath,
        [
          fileURLToPath(new URL('./support/killable.ts', import.meta.url)),
          JSON.stringify({ BROWSER_VM_STATE_DIR: stateDirectory, DATABASE_URL }),
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      const exited = new Promise((resolve) => child.once('exit', resolve));
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      child.kill('SIGKILL');
      await exited;

      const running = await startController({ stateDirectory, configuration: { DATABASE_URL } });
      try {
        assert.equal(running.host.reconciled, 1);
        const session = await running.session(String(line).trim());
        assert.equal(session.status, 'failed');
        assert.equal(session.fault?.code, 'controller_restarted');
        assert.equal((await running.request(`/api/auth/session/${session.sessionId}/events`)).status, 200);
      } finally {
        await running.close();
      }
    } finally {
      await rm(stateDirectory, { recursive: true });
    }
  });
}

describe('limits of sessions', () => {
  test('a port that is taken is named', async () => {
    const running = await startController();
    try {
      const { BROWSER_VM_PORT } = running.configuration;
      await assert.rejects(startController({ configuration: { BROWSER_VM_PORT } }), {
        message: new RegExp(`port ${BROWSER_VM_PORT}`),
      });
    } finally {
      await running.close();
    }
  });

  test('no more VMs start than are allowed, and a VM counts until it is gone', async () => {
    const running = await startController();
    running.host.places = 1;
    try {
      const body = '{"userId":"a","provider":"codex"}';
      const start = () => running.request('/api/auth/start', { method: 'POST', body });
      const answers = await Promise.all([start(), start()]);
      assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 503]);
      const refused = answers.find(({ status }) => status === 503);
      assert.equal(refused?.headers.get('retry-after'), '7');
      const { code, details } = faultSchema.parse(await refused?.json());
      assert.deepEqual({ code, reason: details?.reason }, { code: 'host_full', reason: 'count' });
      const listed = await running.request('/api/auth/sessions?userId=a');
      assert.equal(
        ((await listed.json()) as { sessions: unknown[] }).sessions.length,
        1,
        'no row for who was refused',
      );
      assert.equal(running.host.vms.length, 1);
      const sessionId = running.host.vms[0]?.request.sessionId ?? '';
      await running.request(`/api/auth/session/${sessionId}/cancel`, { method: 'POST' });
      await running.reaches(sessionId, 'cancelled');
      assert.equal((await start()).status, 201);
    } finally {
      await running.close();
    }
  });

  test('on a full host a session waits as `starting` with the reason, in turn, and may give up', async () => {
    const running = await startController();
    Object.assign(running.host, { places: 1, queues: true });
    const { host } = running;
    const cancel = (sessionId: string) =>
      running.request(`/api/auth/session/${sessionId}/cancel`, { method: 'POST' });
    try {
      const ids: string[] = [];
      for (const user of ['a', 'b', 'c', 'd']) ids.push((await running.start(user)).sessionId);
      const [first, second, third, fourth] = ids as [string, string, string, string];
      assert.equal((await running.session(second)).status, 'starting');
      assert.equal((await host.usage()).capacity.queued, 3);
      await cancel(second);
      await running.reaches(second, 'cancelled');
      assert.equal((await host.usage()).capacity.queued, 2);
      assert.deepEqual(
        host.vms.map(({ request }) => request.sessionId),
        [first],
      );
      await cancel(first);
      (await host.vmOf(third)).becomeReady();
      await running.reaches(third, 'ready');
      assert.deepEqual(
        host.vms.map(({ request }) => request.sessionId),
        [first, third],
      );
      const history = await (await running.request(`/api/auth/session/${second}/events`)).text();
      assert.match(history, /"state":"starting","reason":"waits for a place: this host is full: a test"/);
      assert.equal((await running.session(fourth)).status, 'starting');
    } finally {
      await running.close();
    }
    assert.equal(host.leaked, 0);
    assert.equal((await host.usage()).capacity.queued, 0);
  });

  test('one user has no more sessions open than allowed, and others are not kept out by it', async () => {
    const running = await startController({ configuration: { BROWSER_VM_MAX_VMS_PER_USER: 1 } });
    try {
      const start = (userId: string) =>
        running.request('/api/auth/start', {
          method: 'POST',
          body: JSON.stringify({ userId, provider: 'codex' }),
        });
      const answers = await Promise.all([start('a'), start('a'), start('b')]);
      assert.deepEqual(
        answers.map(({ status }) => status),
        [201, 429, 201],
      );
      assert.ok(Number(answers[1]?.headers.get('retry-after')) > 0);
      const [first] = answers;
      assert.ok(first !== undefined);
      const { sessionId } = (await first.json()) as { sessionId: string };
      await running.request(`/api/auth/session/${sessionId}/cancel`, { method: 'POST' });
      await running.reaches(sessionId, 'cancelled');
      assert.equal((await start('a')).status, 201);
    } finally {
      await running.close();
    }
  });

  test('a session whose time is over expires and its VM goes', async () => {
    const running = await startController({ configuration: { BROWSER_VM_SESSION_TTL_SECONDS: 1 } });
    try {
      const { sessionId } = await running.start();
      await running.reaches(sessionId, 'expired');
      assert.equal(running.host.leaked, 0);
    } finally {
      await running.close();
    }
  });

  test('a controller that closes while a VM starts leaves none', async () => {
    const running = await startController();
    const gate = Promise.withResolvers<void>();
    running.host.startGate = gate.promise;
    const started = running.start().catch(() => null);
    // The session exists before the host is asked.
    const listed = async (): Promise<boolean> => {
      const response = await running.request('/api/auth/sessions?userId=alice');
      return ((await response.json()) as { sessions: unknown[] }).sessions.length > 0;
    };
    while (!(await listed()));
    const closed = running.close();
    gate.resolve();
    await closed;
    await started;
    assert.equal(running.host.leaked, 0);
  });
});
