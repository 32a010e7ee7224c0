import { useEffect, useRef, useState } from 'react';
import type { SessionStream } from '../../api/session-stream.ts';
import { Icon } from '../../ui/icon.tsx';
import { copyToClipboard } from '../../viewer/clipboard/clipboard.ts';
import { HttpSignaling } from '../../viewer/connection/http-signaling.ts';
import { faultOf } from '../../viewer/connection/viewer-error.ts';
import type { BrowserVmViewerElement } from '../../viewer/element.ts';
import type { Transport, ViewerEvents, ViewerStatus } from '../../viewer/events.ts';
import type { Viewer } from '../../viewer/viewer.ts';
import { CHOICES, choose, isChosen } from './choices.ts';
import { InviteButton } from './invite-button.tsx';
import { PasteButton } from './paste-button.tsx';

interface ViewerPanelProps {
  readonly sessionId: string;
  readonly events: SessionStream;
  /** May this person let others watch? */
  readonly mayInvite: boolean;
  readonly cancelling: boolean;
  readonly onCancel: () => void;
}

interface View {
  readonly status: ViewerStatus;
  readonly transport: Transport;
  readonly detail: string;
  /** Is the picture that of the running VM. */
  readonly live: boolean;
}

const FIRST_VIEW: View = { status: 'idle', transport: 'webrtc', detail: 'Connecting', live: false };

type ControlState = ViewerEvents['control'];
const ALONE: ControlState = { holder: 'nobody', mode: 'control', viewers: 0, clipboard: true };

const SILENT: ViewerEvents['sound'] = { available: false, on: false };

/** The desktop with its controls. */
export function ViewerPanel({ sessionId, events, mayInvite, cancelling, onCancel }: ViewerPanelProps) {
  const holder = useRef<HTMLDivElement>(null);
  const controls = useRef<HTMLDivElement>(null);
  const [viewer, setViewer] = useState<Viewer | null>(null);
  const [view, setView] = useState(FIRST_VIEW);
  const [notice, setNotice] = useState<string | null>(null);
  const [copied, setCopied] = useState<string | null>(null);
  const [hasImage, setHasImage] = useState(false);
  const [control, setControl] = useState(ALONE);
  const [fixed, setFixed] = useState(() => isChosen(CHOICES.fixedSize));
  const [trackpad, setTrackpad] = useState(() => isChosen(CHOICES.trackpad));
  const [statistics, setStatistics] = useState(false);
  const [sound, setSound] = useState(SILENT);

  useEffect(() => {
    const parent = holder.current;
    if (parent === null) return;
    const element = document.createElement('browser-vm-viewer') as BrowserVmViewerElement;
    element.setAttribute('data-testid', 'viewer');
    element.signaling = new HttpSignaling({ sessionId, events });
    if (isChosen(CHOICES.fixedSize)) element.setAttribute('fixed-size', '');
    parent.append(element);
    const opened = element.viewer;
    if (opened === null) throw new Error('the viewer element is not defined');
    if (isChosen(CHOICES.trackpad)) opened.setTouchMode('trackpad');
    setViewer(opened);
    setView({ ...FIRST_VIEW, status: opened.status });
    opened.on('status', ({ status, transport, detail }) => {
      element.setAttribute('data-status', status);
      element.setAttribute('data-transport', transport);
      setView((old) => ({ status, transport, detail, live: old.live && old.transport === transport }));
    });
    opened.on('source', ({ live }) => setView((old) => ({ ...old, live })));
    opened.on('first-frame', ({ transport }) => {
      if (transport === 'novnc') setView((old) => ({ ...old, live: true }));
    });
    opened.on('fault', ({ code, message }) => {
      if (code === 'clipboard_too_long') setNotice(message);
    });
    opened.on('switch', ({ reason, message }) => setNotice(reason === 'manual' ? null : message));
    opened.on('clipboard', ({ text, copied: taken }) => setCopied(taken ? null : text));
    opened.on('image', ({ copied: isThere }) => setHasImage(isThere));
    opened.on('control', setControl);
    opened.on('sound', setSound);
    opened.on('statistics-shown', ({ shown }) => setStatistics(shown));
    opened.on('leave', () => controls.current?.querySelector('button')?.focus());
    return () => {
      element.remove();
      setViewer(null);
    };
  }, [sessionId, events]);

  const changeSize = () => {
    viewer?.follow(fixed);
    choose(CHOICES.fixedSize, !fixed);
    setFixed(!fixed);
  };
  const copyImage = async () => {
    try {
      const copied = await viewer?.copyImage();
      setNotice(copied ? 'The image is on your clipboard' : 'No image was copied on the desktop');
    } catch (error) {
      setNotice(`The image was not copied: ${faultOf(error).message}`);
    }
  };
  const changeTouch = () => {
    viewer?.setTouchMode(trackpad ? 'direct' : 'trackpad');
    choose(CHOICES.trackpad, !trackpad);
    setTrackpad(!trackpad);
  };
  const mayAct = control.mode === 'control';
  const connected = view.status === 'connected';
  const other: Transport = view.transport === 'webrtc' ? 'novnc' : 'webrtc';
  return (
    <section className="viewer" aria-label="Remote desktop">
      <div className={fixed ? 'viewer-screen' : 'viewer-screen viewer-screen-follows'} ref={holder}>
        {!view.live && (
          <p className="viewer-waiting">
            <span className="spinner" aria-hidden="true" />
            {view.status === 'connected' ? 'Waiting for the desktop' : view.detail}
          </p>
        )}
      </div>
      <div className="viewer-bar" ref={controls}>
        <p
          className="viewer-status"
          role="status"
          data-testid="viewer-status"
          data-transport={view.transport}
          data-status={view.status}
        >
          <span className={view.status === 'connected' ? 'dot dot-success' : 'dot dot-busy'} />
          <span>
            {connected && notice !== null ? notice : view.detail}
            {connected && (
              <span data-testid="viewer-control" data-holder={control.holder}>
                {controlText(control)}
              </span>
            )}
          </span>
        </p>
        <p className="viewer-hint" aria-hidden="true">
          Ctrl + F6 leaves the desktop
        </p>
        <div className="viewer-buttons">
          {mayAct && control.holder === 'other' && (
            <button
              type="button"
              className="button button-small button-primary"
              data-testid="take-control"
              onClick={() => viewer?.takeControl()}
            >
              <Icon name="hand" />
              Take control
            </button>
          )}
          {copied !== null && (
            <button
              type="button"
              className="button button-small"
              onClick={() => void copyToClipboard(copied).then((done) => done && setCopied(null))}
            >
              <Icon name="copy" />
              Copy from desktop
            </button>
          )}
          <button
            type="button"
            className="button button-small"
            data-testid={other === 'novnc' ? 'use-novnc' : 'use-webrtc'}
            onClick={() => viewer?.use(other)}
          >
            <Icon name="screen" />
            {other === 'novnc' ? 'Use noVNC' : 'Use WebRTC'}
          </button>
          {mayAct && (
            <button
              type="button"
              className="button button-small only-touch"
              data-testid="on-screen-keyboard"
              onClick={() => viewer?.showKeyboard()}
            >
              <Icon name="keyboard" />
              Keyboard
            </button>
          )}
          {mayAct && view.transport === 'webrtc' && (
            <button
              type="button"
              className="button button-small only-touch"
              data-testid="trackpad"
              aria-pressed={trackpad}
              onClick={changeTouch}
            >
              <Icon name="hand" />
              Trackpad
            </button>
          )}
          {mayAct && control.clipboard && <PasteButton viewer={viewer} />}
          {mayAct && control.clipboard && (
            <button
              type="button"
              className={hasImage ? 'button button-small button-primary' : 'button button-small'}
              data-testid="copy-image"
              title={hasImage ? 'An image was copied on the desktop' : 'No image was copied on the desktop'}
              onClick={() => void copyImage()}
            >
              <Icon name="copy" />
              Copy image
              {hasImage && (
                <span className="visually-hidden" role="status">
                  : there is one
                </span>
              )}
            </button>
          )}
          {sound.available && (
            <button
              type="button"
              className="button button-small"
              data-testid="sound"
              aria-pressed={sound.on}
              title="Lets you hear the desktop"
              onClick={() => viewer?.setSound(!sound.on)}
            >
              <Icon name="sound" />
              Sound
            </button>
          )}
          <button
            type="button"
            className="button button-small"
            data-testid="statistics"
            aria-pressed={statistics}
            aria-keyshortcuts="Control+F8"
            title="Ctrl + F8"
            onClick={() => viewer?.showStatistics(!statistics)}
          >
            <Icon name="chart" />
            Statistics
          </button>
          {mayAct && (
            <button
              type="button"
              className="button button-small"
              data-testid="fixed-size"
              aria-pressed={fixed}
              onClick={changeSize}
            >
              <Icon name="fit" />
              Fixed size
            </button>
          )}
          <button
            type="button"
            className="button button-small"
            data-testid="full-screen"
            onClick={() => enterFullScreen(holder.current)}
          >
            <Icon name="expand" />
            Full screen
          </button>
          {mayInvite && <InviteButton sessionId={sessionId} />}
          {mayAct && (
            <button
              type="button"
              className="button button-small button-danger"
              data-testid="cancel"
              onClick={onCancel}
              disabled={cancelling}
            >
              {cancelling ? 'Cancelling…' : 'Cancel'}
            </button>
          )}
        </div>
      </div>
    </section>
  );
}

/** Who acts, where that is not simply oneself. */
function controlText({ holder, mode, viewers }: ControlState): string {
  if (mode === 'view') return '. You are watching only';
  if (holder === 'other') return '. Someone else is in control';
  return viewers > 1 ? '. You are in control, others watch' : '';
}

function enterFullScreen(element: HTMLElement | null): void {
  // Refused where the browser has no full screen for elements, as on iPhones: the page stays as it is.
  element?.requestFullscreen?.().catch(() => {});
}
