/** The elements a viewer draws on, in one place. */
export interface Surface {
  readonly root: HTMLElement;
  readonly video: HTMLVideoElement;
  readonly audio: HTMLAudioElement;
  /** Takes keyboard focus, pastes and on-screen keyboards. */
  readonly sink: HTMLTextAreaElement;
  readonly novnc: HTMLElement;
  /** Of a trackpad; shown by whoever moves it. */
  readonly pointer: SVGElement;
  /** In front of both while one takes over from the other. */
  readonly curtain: HTMLCanvasElement;
}

/** The surface's rules; adopted as a constructed sheet, which a policy of `style-src 'self'` allows. */
export const SURFACE_CSS = `
:host { display: block; position: relative; overflow: hidden; background: #0d0f12; }
.surface { position: absolute; inset: 0; touch-action: none; user-select: none; -webkit-user-select: none; }
.surface:focus-within { outline: 2px solid var(--browser-vm-viewer-focus, #5b8cff); outline-offset: -2px; }
.video { display: block; width: 100%; height: 100%; object-fit: contain; pointer-events: none; }
.novnc { position: absolute; left: 0; top: 0; width: 100%; height: 100%; width: round(down, 100%, 2px); height: round(down, 100%, 2px); }
.statistics { position: absolute; left: 8px; top: 8px; margin: 0; padding: 8px 10px; display: grid; grid-template-columns: auto auto; gap: 1px 12px; border-radius: 8px; background: rgb(13 15 18 / 82%); color: #eceef2; font: 12px/1.5 ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, monospace; font-variant-numeric: tabular-nums; pointer-events: none; }
.statistics dt { color: #a2aab8; }
.statistics dd { margin: 0; text-align: right; }
.sink { position: absolute; left: 0; top: 0; width: 1px; height: 1px; padding: 0; border: 0; opacity: 0; resize: none; outline: none; pointer-events: none; font-size: 16px; }
.pointer { display: none; position: absolute; left: -1px; top: -1px; width: 18px; height: 26px; pointer-events: none; }
.curtain { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; pointer-events: none; }
[hidden] { display: none; }
`;

/** Builds the surface inside `parent`. */
export function createSurface(parent: ParentNode & Node): Surface {
  const root = element('div', 'surface');
  const video = element('video', 'video');
  video.muted = true;
  video.autoplay = true;
  video.playsInline = true;
  video.disablePictureInPicture = true;
  video.tabIndex = -1;
  video.setAttribute('data-testid', 'viewer-video');
  video.setAttribute('aria-hidden', 'true');
  const audio = element('audio', 'audio');
  const sink = element('textarea', 'sink');
  sink.setAttribute('aria-label', 'Remote desktop. Keys go to it; Control and F6 leave it.');
  sink.inputMode = 'none';
  sink.autocomplete = 'off';
  sink.spellcheck = false;
  sink.setAttribute('autocorrect', 'off');
  sink.setAttribute('autocapitalize', 'off');
  const novnc = element('div', 'novnc');
  novnc.hidden = true;
  const curtain = element('canvas', 'curtain');
  curtain.hidden = true;
  curtain.setAttribute('aria-hidden', 'true');
  const pointer = arrow();
  root.append(video, audio, novnc, curtain, pointer, sink);
  parent.append(root);
  return { root, video, audio, sink, novnc, curtain, pointer };
}

function arrow(): SVGElement {
  const namespace = 'http://www.w3.org/2000/svg';
  const picture = document.createElementNS(namespace, 'svg');
  picture.setAttribute('class', 'pointer');
  picture.setAttribute('viewBox', '0 0 18 26');
  picture.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(namespace, 'path');
  path.setAttribute('d', 'M1 1v20l5-5 3.5 8 3.5-1.5-3.5-8H17z');
  path.setAttribute('fill', '#fff');
  path.setAttribute('stroke', '#000');
  path.setAttribute('stroke-width', '1.5');
  picture.append(path);
  return picture;
}

function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  className: string,
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  made.className = className;
  return made;
}
