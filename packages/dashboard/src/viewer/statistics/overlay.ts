import type { Route, Statistics } from './statistics.ts';

const ROUTES: Readonly<Record<Route, string>> = { direct: 'direct', relayed: 'relayed', novnc: 'noVNC' };

/** Shows figures in a corner of the desktop; lines stay where they are, only values change. */
export class StatisticsOverlay {
  readonly #root = document.createElement('dl');
  readonly #values = new Map<string, HTMLElement>();

  constructor(parent: Node) {
    this.#root.className = 'statistics';
    this.#root.setAttribute('data-testid', 'viewer-statistics');
    this.#root.setAttribute('aria-label', 'Statistics of the connection');
    for (const name of ['Round trip', 'Frames', 'Bitrate', 'Loss', 'Route', 'Codec', 'Size']) {
      const term = document.createElement('dt');
      term.textContent = name;
      const value = document.createElement('dd');
      this.#root.append(term, value);
      this.#values.set(name, value);
    }
    this.#root.hidden = true;
    parent.appendChild(this.#root);
  }

  get shown(): boolean {
    return !this.#root.hidden;
  }

  set shown(shown: boolean) {
    this.#root.hidden = !shown;
  }

  update({ roundTripMs, framesPerSecond, kbps, lossPercent, route, codec, size }: Statistics): void {
    this.#set('Round trip', roundTripMs, (value) => `${value} ms`);
    this.#set('Frames', framesPerSecond, (value) => `${value} / s`);
    this.#set('Bitrate', kbps, (value) => `${value} kbit/s`);
    this.#set('Loss', lossPercent, (value) => `${value} %`);
    this.#set('Route', route, (value) => ROUTES[value]);
    this.#set('Codec', codec, (value) => value);
    this.#set('Size', size, ({ width, height }) => `${width} × ${height}`);
  }

  #set<T>(name: string, value: T | null, write: (value: T) => string): void {
    const element = this.#values.get(name);
    if (element !== undefined) element.textContent = value === null ? '–' : write(value);
  }
}
