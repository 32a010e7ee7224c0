import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { Qmp, type QmpEvent } from '../src/drivers/qemu/qmp.ts';

const GREETING = '{"QMP":{"version":{"qemu":{"major":7,"minor":2,"micro":0}},"capabilities":[]}}\r\n';

/** Both ends of a connection; ours speaks QMP to whatever the other one says. */
async function connection(): Promise<{ monitor: Socket; ours: Socket; close(): void }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const [[monitor], ours] = await Promise.all([
    once(server, 'connection') as Promise<[Socket]>,
    Promise.resolve(connect(port, '127.0.0.1')),
  ]);
  monitor.setEncoding('utf8');
  monitor.on('error', () => {});
  return {
    monitor,
    ours,
    close() {
      monitor.destroy();
      ours.destroy();
      server.close();
    },
  };
}

/** Greets, accepts the negotiation, then hands each further command to `answer`. */
function speak(monitor: Socket, answer: (command: { execute: string; id: number }) => string): void {
  monitor.write(GREETING);
  monitor.on('data', (text: string) => {
    for (const line of text.split('\n').filter((part) => part !== '')) {
      const command = JSON.parse(line) as { execute: string; id: number };
      const negotiated = `{"return":{},"id":${command.id}}`;
      monitor.write(`${command.execute === 'qmp_capabilities' ? negotiated : answer(command)}\r\n`);
    }
  });
}

test('commands are answered by id, whatever comes in between', async () => {
  const { monitor, ours, close } = await connection();
  const events: QmpEvent[] = [];
  speak(monitor, ({ id, execute }) =>
    execute === 'stop'
      ? `{"event":"STOP","data":{},"timestamp":{"seconds":1,"microseconds":2}}\r\n{"return":{},"id":${id}}`
      : `{"error":{"class":"CommandNotFound","desc":"no ${execute}"},"id":${id}}`,
  );
  const qmp = await Qmp.connect(ours, (event) => events.push(event));
  assert.deepEqual(await qmp.execute('stop'), {});
  assert.deepEqual(
    events.map(({ event }) => event),
    ['STOP'],
  );
  await assert.rejects(qmp.execute('dance'), { code: 'qmp_refused', message: /no dance/ });
  close();
});

test('a line beyond the bound closes the connection with a typed error', async () => {
  const { monitor, ours, close } = await connection();
  speak(monitor, () => 'x'.repeat(2 * 1024 * 1024));
  const qmp = await Qmp.connect(ours, () => {});
  await assert.rejects(qmp.execute('query-status'), { code: 'qmp_closed', message: /longer than/ });
  await assert.rejects(qmp.execute('query-status'), { code: 'qmp_closed' });
  close();
});

test('what is no QMP closes the connection with a typed error', async () => {
  const { monitor, ours, close } = await connection();
  monitor.write('SSH-2.0-OpenSSH_9.2\r\n');
  await assert.rejects(
    Qmp.connect(ours, () => {}),
    { code: 'qmp_closed', message: /not QMP: SSH/ },
  );
  close();
});

test('a monitor that goes away rejects what is under way', async () => {
  const { monitor, ours, close } = await connection();
  speak(monitor, () => {
    monitor.destroy();
    return '';
  });
  const qmp = await Qmp.connect(ours, () => {});
  await assert.rejects(qmp.execute('cont'), { code: 'qmp_closed' });
  close();
});
