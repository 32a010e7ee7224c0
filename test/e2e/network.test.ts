import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { turnCredential } from '../../packages/controller/src/signaling/turn-credential.ts';
import { NAT_ADDRESS } from './support/networks.ts';
import { BROWSERS, type Person } from './support/person.ts';
import { TURN_SECRET, TURN_URLS } from './support/turn-server.ts';
import { BY_WEBRTC, placeOn, says, Ways } from './support/ways.ts';

let ways: Ways;
let person: Person;

before(async () => {
  ways = await Ways.make();
});
after(() => ways?.remove());

for (const browser of BROWSERS) {
  describe(`in ${browser}`, () => {
    before(async () => {
      person = await ways.personBefore(browser);
    });
    after(() => person?.leave());
    afterEach(async () => {
      await ways.networks.block('nothing');
      await ways.networks.moveTo('home');
    });

    for (const [url, protocol, blocked] of [
      [TURN_URLS[0], 'udp', 'directUdp'],
      [TURN_URLS[1], 'tcp', 'udp'],
      [TURN_URLS[2], 'tls', 'udp'],
    ] as const) {
      test(`relay only: by TURN over ${protocol}, with credentials that end, where ${blocked} is blocked`, async () => {
        await ways.networks.block(blocked);
        const session = await ways.open(person, [url ?? '']);
        await session.page.waitForSelector(BY_WEBRTC);
        const { type, protocol: taken } = await session.route();
        assert.deepEqual([type, taken], ['relay', protocol], ways.turn.said);
        await ways.clickAndSee(session);
        await session.end();
      });
    }

    test('the TURN server refuses credentials that have ended, whatever it is reached by', async () => {
      const page = await person.newPage();
      await page.goto(`${ways.dashboard.url}/dashboard/remote-cli`);
      const relayed = (urls: string, endsInSeconds: number) => {
        const endsAt = new Date(Date.now() + endsInSeconds * 1000);
        const server = { urls, ...turnCredential(TURN_SECRET, 'somebody', endsAt) };
        return page.evaluate(async (iceServer) => {
          const peer = new RTCPeerConnection({ iceServers: [iceServer], iceTransportPolicy: 'relay' });
          const { promise, resolve } = Promise.withResolvers<string>();
          peer.onicecandidate = ({ candidate }) => {
            if (candidate?.candidate !== '') resolve(candidate?.type ?? 'none');
          };
          // Where a browser says so; gathering may go on for much longer.
          peer.onicecandidateerror = ({ errorCode }) => {
            if (errorCode === 401) resolve('none');
          };
          peer.createDataChannel('any');
          await peer.setLocalDescription(await peer.createOffer());
          const outcome = await promise;
          peer.close();
          return outcome;
        }, server);
      };
      for (const url of TURN_URLS) {
        assert.equal(await relayed(url, 60), 'relay', url);
        assert.equal(await relayed(url, -1), 'none', url);
      }
      await page.close();
    });

    test('a host behind a NAT is reached at its announced address, within the configured ports', async () => {
      const ports = { min: 42_700, max: 42_707 };
      ways.host.streamer = { announcedAddresses: [NAT_ADDRESS], udpPortRange: ports };
      await ways.networks.block('udpButNat');
      const session = await ways.open(person, []);
      ways.host.streamer = {};
      await session.page.waitForSelector(BY_WEBRTC);
      assert.equal((await session.route()).remote, NAT_ADDRESS);
      await ways.clickAndSee(session);
      await session.end();
    });

    test('where no UDP passes, media goes over TCP within the configured ports, without TURN', async () => {
      const ports = { min: 42_700, max: 42_707 };
      ways.host.streamer = { iceTcp: true, udpPortRange: ports };
      await ways.networks.block('udp');
      const session = await ways.open(person, []);
      ways.host.streamer = {};
      await session.page.waitForSelector(BY_WEBRTC);
      const { type, protocol, remotePort } = await session.route();
      assert.notEqual(type, 'relay');
      assert.equal(protocol, 'tcp');
      assert.ok(remotePort >= ports.min && remotePort <= ports.max, `media came from port ${remotePort}`);
      await ways.clickAndSee(session);
      await session.end();
    });

    test('where IPv4 carries no UDP, media goes over IPv6', async () => {
      await ways.networks.block('udpOverIpv4');
      const session = await ways.open(person, []);
      await session.page.waitForSelector(BY_WEBRTC);
      assert.ok(isIPv6((await session.route()).remote));
      await ways.clickAndSee(session);
      await session.end();
    });

    test('without UDP and TURN: noVNC within 4 s, saying so, and WebRTC by itself when UDP passes, with a picture all along', async (t) => {
      await ways.networks.block('udp');
      const session = await ways.open(person, []);
      const { page, layers } = session;
      await layers.until('shown by noVNC', ({ layer, colour }) => layer === 'novnc' && colour !== 'none');
      const waited = await layers.sinceFirstOffer();
      t.diagnostic(`noVNC's first picture ${Math.round(waited)} ms after the offer`);
      assert.ok(waited < 4000, `noVNC showed the desktop ${waited} ms after the offer`);
      await says(page, 'WebRTC did not connect within 3 s. Switched to noVNC.');
      await ways.clickAndSee(session);

      await ways.networks.block('nothing');
      const blank = await layers.blanks();
      await page.waitForSelector(BY_WEBRTC);
      await says(page, 'WebRTC works again. Switched back.');
      await layers.until('shown by WebRTC', ({ layer, colour }) => layer === 'webrtc' && colour !== 'none');
      await ways.clickAndSee(session);

      // In the middle of a session, and back again.
      const from = Date.now();
      await ways.networks.block('udp');
      await layers.until(
        'shown by noVNC again',
        ({ layer, colour }) => layer === 'novnc' && colour !== 'none',
      );
      const again = Date.now() - from;
      t.diagnostic(`noVNC's first picture ${again} ms after UDP was blocked`);
      assert.ok(again < 5000, `noVNC showed the desktop ${again} ms after UDP was blocked`);
      await ways.clickAndSee(session);
      await ways.networks.block('nothing');
      await page.waitForSelector(BY_WEBRTC);
      await ways.clickAndSee(session);
      assert.equal(await layers.blanks(), blank, 'frames without a picture while the transport changed');
      await session.end();
    });

    test('a link cut for 5 s comes back by itself with the present picture, what was typed comes once and in order, and no key stays down', async (t) => {
      const session = await ways.open(person, []);
      const { page, layers } = session;
      await page.waitForSelector(BY_WEBRTC);
      await ways.clickAndSee(session);
      const before = await layers.now();
      const mark = ways.guest.told.length;
      await page.mouse.click(...(await placeOn(page, 0.25, 0.7)));
      await page.keyboard.down('a');
      await ways.guest.until(({ type, value }) => type === 'keydown' && value === 'a', mark);
      const blank = await layers.blanks();

      const cutAt = Date.now();
      await ways.networks.block('everything');
      await page.keyboard.press('b');
      await page.waitForSelector('[data-testid="viewer"][data-status="reconnecting"]');
      const noticed = Date.now() - cutAt;
      await page.keyboard.up('a');
      await page.keyboard.press('x');
      await ways.guest.turnColour();
      await new Promise((resolve) => setTimeout(resolve, cutAt + 5000 - Date.now()));
      await ways.networks.block('nothing');
      const healedAt = Date.now();
      await layers.until('changed while away', ({ colour }) => colour !== 'none' && colour !== before.colour);
      const live = Date.now() - healedAt;
      await page.waitForSelector(BY_WEBRTC);
      t.diagnostic(`noticed after ${noticed} ms, live ${live} ms after it healed`);
      assert.ok(noticed < 4000, `noticed after ${noticed} ms`);
      assert.ok(live < 5000, `live ${live} ms after it healed`);
      // The guest's own keyboard repeats a key that is down.
      await ways.guest.until(({ type, value }) => type === 'text' && /a+bx$/.test(String(value)), mark);
      const released = await ways.guest.until(({ type, value }) => type === 'keyup' && value === 'a', mark);
      await ways.clickAndSee(session);
      const after = ways.guest.told.slice(ways.guest.told.indexOf(released));
      const presses = after.flatMap(({ type, value }) => (type === 'keydown' ? [value] : []));
      assert.deepEqual(presses, ['b', 'x'], 'what was typed while away');
      assert.equal(await layers.blanks(), blank, 'frames without a picture');
      await session.end();
    });

    test('a person who moves to another network is back by WebRTC, by itself, with the present picture', async (t) => {
      const session = await ways.open(person, []);
      const { page, layers } = session;
      await page.waitForSelector(BY_WEBRTC);
      await ways.clickAndSee(session);
      const before = await layers.now();
      const blank = await layers.blanks();
      const from = Date.now();
      await ways.networks.moveTo('away');
      await ways.guest.turnColour();
      await layers.until('changed while away', ({ colour }) => colour !== 'none' && colour !== before.colour);
      const live = Date.now() - from;
      t.diagnostic(`live ${live} ms after the move`);
      assert.ok(live < 10_000, `live ${live} ms after the move`);
      await page.waitForSelector(BY_WEBRTC);
      await ways.clickAndSee(session);
      assert.equal(await layers.blanks(), blank, 'frames without a picture');
      await session.end();
    });
  });
}
