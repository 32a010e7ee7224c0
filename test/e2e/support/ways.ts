import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Page } from 'puppeteer-core';
import { DashboardServer } from '../../../packages/dashboard/test/support/dashboard-server.ts';
import { DesktopHost, type DesktopVm } from '../../../packages/dashboard/test/support/desktop-host.ts';
import { GuestPage } from '../../../packages/dashboard/test/support/guest-page.ts';
import { Desktop } from '../../../packages/rfb/test/desktop.ts';
import { type Layers, watchLayers } from './layers.ts';
import { Networks, PERSON } from './networks.ts';
import { type BrowserName, Person } from './person.ts';
import { TURN_SECRET, TURN_URLS, TurnServer } from './turn-server.ts';

export const BY_WEBRTC = '[data-testid="viewer"][data-status="connected"][data-transport="webrtc"]';

/** Waits until the page says so. */
export async function says(page: Page, text: string): Promise<void> {
  await page.waitForFunction((wanted) => (document.body.textContent ?? '').includes(wanted), {}, text);
}

/** A point of the page, that part of the desktop's width and height from its corner. */
export async function placeOn(page: Page, right: number, down: number): Promise<[number, number]> {
  const box = await (await page.waitForSelector('[data-testid="viewer"]'))?.boundingBox();
  assert.ok(box);
  return [box.x + box.width * right, box.y + box.height * down];
}

export interface Route {
  readonly type: string;
  readonly protocol: string;
  readonly remote: string;
  readonly remotePort: number;
}

export interface Session {
  readonly page: Page;
  readonly vm: DesktopVm;
  readonly layers: Layers;
  /** How media travels now. */
  route(): Promise<Route>;
  end(): Promise<void>;
}

/** A desktop without a VM, its controller, a TURN server, and people in a network of their own. */
export class Ways {
  readonly networks: Networks;
  readonly turn: TurnServer;
  readonly host: DesktopHost;
  readonly dashboard: DashboardServer;
  readonly guest: GuestPage;
  readonly #desktop: Desktop;

  private constructor(
    networks: Networks,
    turn: TurnServer,
    host: DesktopHost,
    dashboard: DashboardServer,
    guest: GuestPage,
    desktop: Desktop,
  ) {
    this.networks = networks;
    this.turn = turn;
    this.host = host;
    this.dashboard = dashboard;
    this.guest = guest;
    this.#desktop = desktop;
  }

  static async make(): Promise<Ways> {
    const networks = await Networks.make();
    const turn = await TurnServer.start(networks.turn);
    const desktop = await Desktop.start('1280x720');
    const guest = await GuestPage.open(desktop);
    const host = new DesktopHost(desktop.port);
    const dashboard = await DashboardServer.start(host, {
      configuration: {
        BROWSER_VM_HOST: '::',
        BROWSER_VM_TURN_URLS: TURN_URLS,
        BROWSER_VM_TURN_SECRET: TURN_SECRET,
      },
      reachedAt: PERSON.gateway,
    });
    return new Ways(networks, turn, host, dashboard, guest, desktop);
  }

  async remove(): Promise<void> {
    await this.dashboard.stop();
    await this.guest.close();
    await this.#desktop.stop();
    await this.turn.stop();
    await this.networks.remove();
  }

  personBefore(browser: BrowserName): Promise<Person> {
    const { authorityFile } = this.turn;
    return Person.before(browser, this.networks, { origin: this.dashboard.url, authorityFile });
  }

  /** A page in which only those of the ICE servers exist, and with any, no way but through them. */
  async open(person: Person, servers: readonly string[]): Promise<Session> {
    const page = await person.newPage();
    const layers = await watchLayers(page);
    await page.evaluateOnNewDocument((only) => {
      // A page that is none yet has no storage. With its own size each place on the desktop is known.
      if (location.protocol === 'http:') localStorage.setItem('browser-vm-fixed-size', 'true');
      const peers: RTCPeerConnection[] = [];
      const limited = (configuration: RTCConfiguration): RTCConfiguration => {
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
    const { viewerUrl } = await this.dashboard.startByApi(randomUUID());
    const vm = this.host.vms.at(-1);
    assert.ok(vm);
    vm.becomeReady();
    await page.goto(viewerUrl);
    // The link leads on to the session's page.
    await page.waitForSelector('[data-testid="viewer"]');
    return {
      page,
      vm,
      layers,
      route: () =>
        page.evaluate(async () => {
          const { peers } = globalThis as unknown as { peers: RTCPeerConnection[] };
          const report = [...(await peers.at(-1)!.getStats()).values()];
          const of = (id: string) => report.find((entry) => entry.id === id);
          // Firefox marks the pair, Chromium names it.
          const transport = report.find(({ type }) => type === 'transport');
          const pair = of(transport?.selectedCandidatePairId) ?? report.find(({ selected }) => selected);
          const local = of(pair?.localCandidateId);
          return {
            type: local?.candidateType,
            protocol: local?.relayProtocol ?? local?.protocol,
            remote: of(pair?.remoteCandidateId)?.address,
            remotePort: of(pair?.remoteCandidateId)?.port,
          };
        }),
      async end() {
        await page.locator('[data-testid="cancel"]').click();
        await page.waitForSelector('[data-testid="end-state"]');
        await page.close();
      },
    };
  }

  /** The guest's page hears a click, and the viewer shows what it did. */
  async clickAndSee({ page, layers }: Session): Promise<void> {
    await layers.until('on screen', (seen) => seen.colour !== 'none');
    const before = (await layers.now()).colour;
    const place = await placeOn(page, 0.75, 0.7);
    const mark = this.guest.told.length;
    await page.mouse.click(...place);
    await this.guest.until(({ type }) => type === 'click', mark);
    await layers.until('changed by the click', (seen) => seen.colour !== before && seen.colour !== 'none');
  }
}
