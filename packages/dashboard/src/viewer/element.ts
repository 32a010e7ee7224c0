import { viewerCookieEntered } from './connection/enter.ts';
import { HttpSignaling } from './connection/http-signaling.ts';
import { SessionEvents } from './connection/session-events.ts';
import type { Signaling } from './connection/signaling.ts';
import { faultOf } from './connection/viewer-error.ts';
import type { Transport } from './events.ts';
import { SURFACE_CSS } from './surface.ts';
import { Viewer } from './viewer.ts';

/**
 * `<browser-vm-viewer session="ID">`: a viewer as an element. Connects when it is put into a page, closes when it is
 * taken out. Attributes, read when it is put in: `session` (required unless `signaling` is set), `token` (a viewer
 * token; without it the page's cookie counts), `transport` (`webrtc` or `novnc`), `view-only`, `fixed-size`,
 * `max-density`. The viewer itself, with methods and events, is its `viewer` property from `connectedCallback` on.
 */
export class BrowserVmViewerElement extends HTMLElement {
  /** Set before the element is put into a page to bring one's own connection to the controller. */
  signaling: Signaling | null = null;
  #viewer: Viewer | null = null;
  #events: SessionEvents | null = null;

  get viewer(): Viewer | null {
    return this.#viewer;
  }

  connectedCallback(): void {
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open', delegatesFocus: true });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(SURFACE_CSS);
    root.adoptedStyleSheets = [sheet];
    const transport: Transport = this.getAttribute('transport') === 'novnc' ? 'novnc' : 'webrtc';
    const density = Number(this.getAttribute('max-density'));
    const events = new SessionEvents(this.#session);
    const viewer = new Viewer(root, {
      signaling: this.signaling ?? new HttpSignaling({ sessionId: this.#session, events }),
      transport,
      viewOnly: this.hasAttribute('view-only'),
      follow: !this.hasAttribute('fixed-size'),
      ...(density > 0 ? { maxDensity: density } : {}),
    });
    this.#viewer = viewer;
    if (this.signaling !== null) viewer.connect();
    else void this.#enter(viewer, events);
  }

  disconnectedCallback(): void {
    this.#viewer?.close();
    this.#viewer = null;
    this.#events?.close();
    this.#events = null;
  }

  get #session(): string {
    return this.getAttribute('session') ?? '';
  }

  /** The token becomes a cookie first: an event stream and a WebSocket of a page can carry nothing else. */
  async #enter(viewer: Viewer, events: SessionEvents): Promise<void> {
    const token = this.getAttribute('token');
    try {
      if (token !== null) await viewerCookieEntered(this.#session, token);
    } catch (error) {
      return viewer.refuse(faultOf(error));
    }
    if (this.#viewer !== viewer) return;
    this.#events = events;
    events.open();
    viewer.connect();
  }
}

/** Makes the element known to the page; may be called again. */
export function defineViewerElement(): void {
  if (customElements.get('browser-vm-viewer') === undefined) {
    customElements.define('browser-vm-viewer', BrowserVmViewerElement);
  }
}
