import { HttpSignaling } from './connection/http-signaling.ts';
import type { Signaling } from './connection/signaling.ts';
import type { Transport } from './events.ts';
import { SURFACE_CSS } from './surface.ts';
import { Viewer } from './viewer.ts';

/**
 * `<browser-vm-viewer session="ID">`: a viewer as an element. Connects when it is put into a page, closes when
 * it is taken out. Attributes: `session` (required unless `signaling` is set), `transport` (`webrtc` or `novnc`),
 * `view-only`. The viewer itself, with methods and events, is its `viewer` property from `connectedCallback` on.
 */
export class BrowserVmViewerElement extends HTMLElement {
  /** Set before the element is put into a page to bring one's own connection to the controller. */
  signaling: Signaling | null = null;
  #viewer: Viewer | null = null;
  #events: EventSource | null = null;

  get viewer(): Viewer | null {
    return this.#viewer;
  }

  connectedCallback(): void {
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open', delegatesFocus: true });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(SURFACE_CSS);
    root.adoptedStyleSheets = [sheet];
    const transport: Transport = this.getAttribute('transport') === 'novnc' ? 'novnc' : 'webrtc';
    this.#viewer = new Viewer(root, {
      signaling: this.signaling ?? this.#ownSignaling(),
      transport,
      viewOnly: this.hasAttribute('view-only'),
    });
    this.#viewer.connect();
  }

  disconnectedCallback(): void {
    this.#viewer?.close();
    this.#viewer = null;
    this.#events?.close();
    this.#events = null;
  }

  #ownSignaling(): Signaling {
    const sessionId = this.getAttribute('session') ?? '';
    this.#events = new EventSource(`/api/auth/session/${sessionId}/events`);
    return new HttpSignaling({ sessionId, events: this.#events });
  }
}

/** Makes the element known to the page; may be called again. */
export function defineViewerElement(): void {
  if (customElements.get('browser-vm-viewer') === undefined) {
    customElements.define('browser-vm-viewer', BrowserVmViewerElement);
  }
}
