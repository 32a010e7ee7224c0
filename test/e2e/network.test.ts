import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { turnCredential } from '../../packages/controller/src/signaling/turn-credential.ts';
import { Dashboard } from '../../packages/dashboard/test/support/dashboard.ts';
import { DesktopHost, type DesktopVm } from '../../packages/dashboard/test/support/desktop-host.ts';
import { GuestPage } from '../../packages/dashboard/test/support/guest-page.ts';
import { Desktop } from '../../packages/rfb/test/desktop.ts';
import { type Layers, watchLayers } from './support/layers.ts';
import { NAT_ADDRESS, Networks, PERSON, PERSON_V6 } from './support/networks.ts';
import { TURN_SECRET, TURN_URLS, TurnServer } from './support/turn-server.ts';

let networks: Networks;
let turn: TurnServer;
let desktop: Desktop;
let guest: GuestPage;
let host: DesktopHost;
let dashboard: Dashboard;

before(async () => {
  networks = await Networks.make();
  turn = await TurnServer.start(networks.turn);
  desktop = await Desktop.start('1280x720');
  guest = await GuestPage.open(desktop);
  host = new DesktopHost(desktop.port);
  dashboard = await Dashboard.start(host, {
    configuration: {
      BROWSER_VM_HOST: '::',
      BROWSER_VM_TURN_URLS: TURN_URLS,
      BROWSER_VM_TURN_SECRET: TURN_SECRET,
    },
    reachedAt: PERSON.gateway,
    chromium: await networks.inPersonsNetwork('/usr/bin/chromium'),
    // The TURN server's certificate is of an authority made for the test.
    chromiumArgs: ['--ignore-certificate-errors'],
  });
});
after(async () => {
  await dashboard?.stop();
  await guest?.close();
  await desktop?.stop();
  await turn?.stop();
  await networks?.remove();
});
afterEach(async () => {
  await networks.block('nothing');
});

const BY_WEBRTC = '[data-testid="viewer"][data-status="connected"][data-transport="webrtc"]';

interface Route {
  readonly type: string;
  readonly protocol: string;
  readonly remote: string;
}

interface Session {
  readonly page: Page;
  readonly vm: DesktopVm;
  readonly layers: Layers;
  /** How media travels now. */
  route(): Promise<Route>;
  end(): Promise<void>;
}

/** A page in which only those of the ICE servers exist, and with any, no way but through them. */
async function open(userId: string, servers: readonly string[] | null = null): Promise<Session> {
  const page = await dashboard.newPage();
  const layers = await watchLayers(page);
  await page.addInitScript((only) => {
    const peers: RTCPeerConnection[] = [];
    const limited = (configuration: RTCConfiguration): RTCConfiguration => {
      if (only === null) return configuration;
      const kept = (configuration.iceServers ?? []).map((server) => ({
        ...server,
        urls: [server.urls].flat().filter((url) => only.includes(url)),
      }));
      const iceServers = kept.filter(({ urls }) => urls.length > 0);
      return { ...configuration, iceServers, ...(only.length > 0 ? { iceTransportPolicy: 'relay' } : {}) };
    };
    const Native = RTCPeerConnection;
    class Limited extends Native {
      constructor(configuration: RTCConfiguration) {
        super(limited(configuration));
        peers.push(this);
      }
      override setConfiguration(configuration: RTCConfiguration): void {
        super.setConfiguration(limited(configuration));
      }
    }
    Object.assign(globalThis, { RTCPeerConnection: Limited, peers });
  }, servers);
  await page.goto(`${dashboard.url}/dashboard/remote-cli?user=${userId}`);
  await page.getByTestId('connect-codex').click();
  await page.getByTestId('session-status').waitFor();
  const vm = host.vms.at(-1);
  assert.ok(vm);
  vm.becomeReady();
  return {
    page,
    vm,
    layers,
    route: () =>
      page.evaluate(async () => {
        const { peers } = globalThis as unknown as { peers: RTCPeerConnection[] };
        const report = await peers.at(-1)!.getStats();
        const transport = [...report.values()].find(({ type }) => type === 'transport');
        const pair = report.get(transport?.selectedCandidatePairId);
        const local = report.get(pair?.localCandidateId);
        const remote = report.get(pair?.remoteCandidateId);
        return {
          type: local?.candidateType,
          protocol: local?.relayProtocol ?? local?.protocol,
          remote: remote?.address,
        };
      }),
    async end() {
      await page.getByTestId('cancel').click();
      await page.getByTestId('end-state').waitFor();
      await page.close();
    },
  };
}

/** The guest's page hears a click, and the viewer shows what it did. */
async function clickAndSee({ page, layers }: Session): Promise<void> {
  await layers.until('on screen', (seen) => seen.colour !== 'none');
  const before = (await layers.now()).colour;
  const box = await page.getByTestId('viewer').boundingBox();
  assert.ok(box);
  const mark = guest.told.length;
  await page.mouse.click(box.x + box.width * 0.75, box.y + box.height * 0.7);
  await guest.until(({ type }) => type === 'click', mark);
  await layers.until('changed by the click', (seen) => seen.colour !== before && seen.colour !== 'none');
}

for (const [url, protocol, blocked] of [
  [TURN_URLS[0], 'udp', 'directUdp'],
  [TURN_URLS[1], 'tcp', 'udp'],
  [TURN_URLS[2], 'tls', 'udp'],
] as const) {
  test(`relay only: by TURN over ${protocol}, with credentials that end, where ${blocked} is blocked`, async () => {
    await networks.block(blocked);
    const session = await open(`relay-${protocol}`, [url ?? '']);
    await session.page.locator(BY_WEBRTC).waitFor();
    const { type, protocol: taken } = await session.route();
    assert.deepEqual([type, taken], ['relay', protocol], turn.said);
    await clickAndSee(session);
    await session.end();
  });
}

test('the TURN server refuses credentials that have ended', async () => {
  const page = await dashboard.newPage();
  await page.goto(`${dashboard.url}/dashboard/remote-cli`);
  const relayed = (endsInSeconds: number) => {
    const endsAt = new Date(Date.now() + endsInSeconds * 1000);
    const server = { urls: TURN_URLS[1] ?? '', ...turnCredential(TURN_SECRET, 'somebody', endsAt) };
    return page.evaluate(async (iceServer) => {
      const peer = new RTCPeerConnection({ iceServers: [iceServer], iceTransportPolicy: 'relay' });
      const { promise, resolve } = Promise.withResolvers<string>();
      peer.onicecandidate = ({ candidate }) => resolve(candidate?.type ?? 'none');
      peer.onicecandidateerror = ({ errorCode }) => resolve(String(errorCode));
      peer.createDataChannel('any');
      await peer.setLocalDescription();
      const outcome = await promise;
      peer.close();
      return outcome;
    }, server);
  };
  assert.equal(await relayed(60), 'relay');
  assert.equal(await relayed(-1), '401');
  await page.close();
});

test('a host behind a NAT is reached at its announced address, within the configured ports', async () => {
  const ports = { min: 42_700, max: 42_707 };
  host.streamer = { announcedAddresses: [NAT_ADDRESS], udpPortRange: ports };
  await networks.block('udpButNat');
  const session = await open('nat', []);
  host.streamer = {};
  await session.page.locator(BY_WEBRTC).waitFor();
  assert.equal((await session.route()).remote, NAT_ADDRESS);
  await clickAndSee(session);
  await session.end();
});

test('where IPv4 carries no UDP, media goes over IPv6', async () => {
  await networks.block('udpOverIpv4');
  const session = await open('ipv6', []);
  await session.page.locator(BY_WEBRTC).waitFor();
  assert.equal((await session.route()).remote, PERSON_V6.gateway);
  await clickAndSee(session);
  await session.end();
});

test('without UDP and TURN: noVNC within 4 s, saying so, and WebRTC by itself when UDP passes, with a picture all along', async (t) => {
  await networks.block('udp');
  const session = await open('no-udp', []);
  const { page, layers } = session;
  await layers.until('shown by noVNC', ({ layer, colour }) => layer === 'novnc' && colour !== 'none');
  const waited = await layers.sinceFirstOffer();
  t.diagnostic(`noVNC's first picture ${Math.round(waited)} ms after the offer`);
  assert.ok(waited < 4000, `noVNC showed the desktop ${waited} ms after the offer`);
  await page.getByText('WebRTC did not connect within 3 s. Switched to noVNC.').waitFor();
  await clickAndSee(session);

  await networks.block('nothing');
  const blank = await layers.blanks();
  await page.locator(BY_WEBRTC).waitFor();
  await page.getByText('WebRTC works again. Switched back.').waitFor();
  await layers.until('shown by WebRTC', ({ layer, colour }) => layer === 'webrtc' && colour !== 'none');
  await clickAndSee(session);

  // In the middle of a session, and back again.
  const from = Date.now();
  await networks.block('udp');
  await layers.until('shown by noVNC again', ({ layer, colour }) => layer === 'novnc' && colour !== 'none');
  const again = Date.now() - from;
  t.diagnostic(`noVNC's first picture ${again} ms after UDP was blocked`);
  assert.ok(again < 5000, `noVNC showed the desktop ${again} ms after UDP was blocked`);
  await clickAndSee(session);
  await networks.block('nothing');
  await page.locator(BY_WEBRTC).waitFor();
  await clickAndSee(session);
  assert.equal(await layers.blanks(), blank, 'frames without a picture while the transport changed');
  await session.end();
});

test('a link cut for 5 s comes back by itself with the present picture, and no key stays down or comes late', async (t) => {
  const session = await open('cut', []);
  const { page, layers } = session;
  await page.locator(BY_WEBRTC).waitFor();
  await clickAndSee(session);
  const before = await layers.now();
  const box = await page.getByTestId('viewer').boundingBox();
  assert.ok(box);
  const mark = guest.told.length;
  await page.mouse.click(box.x + box.width * 0.25, box.y + box.height * 0.7);
  await page.keyboard.down('a');
  await guest.until(({ type, value }) => type === 'keydown' && value === 'a', mark);
  const blank = await layers.blanks();

  const cutAt = Date.now();
  await networks.block('everything');
  await page.locator('[data-testid="viewer"][data-status="reconnecting"]').waitFor();
  const noticed = Date.now() - cutAt;
  await page.keyboard.up('a');
  await page.keyboard.press('x');
  await guest.turnColour();
  await new Promise((resolve) => setTimeout(resolve, cutAt + 5000 - Date.now()));
  await networks.block('nothing');
  const healedAt = Date.now();
  await layers.until('changed while away', ({ colour }) => colour !== 'none' && colour !== before.colour);
  const live = Date.now() - healedAt;
  await page.locator(BY_WEBRTC).waitFor();
  t.diagnostic(`noticed after ${noticed} ms, live ${live} ms after it healed`);
  assert.ok(noticed < 4000, `noticed after ${noticed} ms`);
  assert.ok(live < 5000, `live ${live} ms after it healed`);
  await guest.until(({ type, value }) => type === 'keyup' && value === 'a', mark);
  await clickAndSee(session);
  const late = guest.told.slice(mark).filter(({ type, value }) => type === 'keydown' && value === 'x');
  assert.deepEqual(late, [], 'what was typed while away');
  assert.equal(await layers.blanks(), blank, 'frames without a picture');
  await session.end();
});
