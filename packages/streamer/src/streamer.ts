import { Socket } from 'node:net';
import {
  BrowserVmError,
  type DesktopMessage,
  type Fault,
  type IceCandidate,
  STREAMER_DESCRIPTORS,
  type StreamerCommand,
  type StreamerEvent,
  toFault,
  type ViewerMode,
} from '@browser-vm/protocol';
import type { Cursor } from '@browser-vm/rfb';
import { Activity } from './activity.ts';
import { DEFAULT_CONFIGURATION, type StreamerConfiguration } from './configuration.ts';
import { Control, type Seat } from './control/control.ts';
import { cursorMessage, sameCursor } from './desktop/messages.ts';
import { DesktopSource } from './desktop-source.ts';
import { VideoFeed } from './encode/feed.ts';
import { darkPicture, readPicture } from './encode/pictures.ts';
import { InputGate } from './input/gate.ts';
import { MemoryPicture } from './memory/memory-picture.ts';
import { canEncodeSound } from './sound/libopus.ts';
import { SoundFeed } from './sound/sound-feed.ts';
import type { Addresses } from './transport/local-candidates.ts';
import { warmUp } from './transport/peer.ts';
import { Viewer } from './transport/viewer.ts';

type Attach = Omit<Extract<StreamerCommand, { type: 'attach' }>, 'type'>;

const MAX_VIEWERS = 8;
/** Where the encoder begins before it knows the link. A first picture of text is 60 to 100 KB. kbit/s. */
const START_KBPS = 2500;

/** One desktop for its viewers: a picture source in, WebRTC out, input back. */
export class Streamer {
  readonly #emit: (event: StreamerEvent) => void;
  readonly #viewers = new Map<string, Viewer>();
  readonly #control = new Control(() => this.#clipboardAllowed);
  /** Of viewers by VNC. */
  readonly #vncSeats = new Map<string, Seat>();
  #configuration = DEFAULT_CONFIGURATION;
  #feed: VideoFeed | null = null;
  #source: DesktopSource | null = null;
  #memory: MemoryPicture | null = null;
  readonly #sound = new SoundFeed(() => {
    if (!this.#gate.isClosed) this.#activity.noticed();
  });
  #cursor: Cursor | null = null;
  #live = false;
  /** Has every pixel of the source's present size arrived? */
  #whole = false;
  #firstPictureSent = false;
  #closed = false;

  readonly #activity = new Activity(() => this.#emit({ type: 'activity' }));
  /** Input goes to the present source; before there is one, and after it, nowhere. */
  readonly #gate = new InputGate(
    {
      pointer: (x, y, mask) => this.#source?.pointer(x, y, mask),
      key: (keysym, pressed) => this.#source?.key(keysym, pressed),
      text: (text) => this.#source?.text(text),
      clipboard: (text) => {
        if (this.#clipboardAllowed) this.#source?.clipboard(text);
      },
      resize: (width, height) => this.#source?.resize(width, height),
    },
    () => this.#activity.noticed(),
  );

  constructor(emit: (event: StreamerEvent) => void) {
    this.#emit = emit;
  }

  async handle(command: StreamerCommand): Promise<void> {
    if (this.#closed) return;
    switch (command.type) {
      case 'configure':
        return this.#configure(command);
      case 'attach':
        return this.#attach(command);
      case 'memory':
        return this.#useMemory(command.picture);
      case 'offer':
        return this.#offer(command.viewerId, command.sdp, command.mode);
      case 'candidate':
        this.#viewers.get(command.viewerId)?.candidate(command.candidate);
        return;
      case 'disconnect':
        this.#viewers.get(command.viewerId)?.close();
        return;
      case 'join':
        return this.#join(command.viewerId, command.mode);
      case 'take_control': {
        const seat = this.#vncSeats.get(command.viewerId);
        if (seat !== undefined) this.#control.take(seat);
        return;
      }
      case 'leave': {
        const seat = this.#vncSeats.get(command.viewerId);
        this.#vncSeats.delete(command.viewerId);
        if (seat !== undefined) this.#control.leave(seat);
        return;
      }
      case 'ping':
        return this.#emit({ type: 'pong' });
      case 'hold':
        this.#gate.hold();
        this.#source?.watch(false);
        this.#activity.reset();
        this.#emit({ type: 'held' });
        return;
      case 'release':
        this.#gate.release();
        this.#source?.watch(this.#watched());
        return;
      case 'close':
        this.close();
    }
  }

  close(): void {
    if (this.#closed) return;
    for (const viewer of [...this.#viewers.values()]) viewer.close();
    this.#closed = true;
    this.#source?.close();
    this.#memory?.close();
    this.#feed?.close();
    this.#sound.close();
  }

  /** May come again: ahead with the first picture, later with what the session brings. */
  async #configure({ firstPicture, ...configuration }: StreamerConfiguration): Promise<void> {
    this.#configuration = configuration;
    if (configuration.soundPort !== undefined && !canEncodeSound)
      process.stderr.write('libopus is not installed: viewers are offered no sound\n');
    if (firstPicture === undefined) return;
    await this.#showFirst(null, firstPicture);
    warmUp();
  }

  /** The feed exists from the first need on; its interval is that of the configuration then. */
  #videoFeed(): VideoFeed {
    this.#feed ??= new VideoFeed(darkPicture(), this.#configuration.minFrameIntervalMs);
    return this.#feed;
  }

  async #attach({ host, port, firstPicture }: Attach): Promise<void> {
    this.#source?.close();
    this.#live = false;
    this.#whole = false;
    const source = new DesktopSource({ host, port }, this.#memory);
    this.#source = source;
    source.on('attached', (width, height) => this.#emit({ type: 'attached', width, height }));
    source.on('moved', (width, height) => this.#emit({ type: 'picture_moved', width, height }));
    source.on('from', (from) => this.#emit({ type: 'picture_source', source: from }));
    source.on('whole', () => this.#becameWhole(source));
    // Until the new size has every pixel, the picture stays as it was: no black in between.
    source.on('resized', () => {
      this.#whole = false;
      this.#feed?.keep();
    });
    source.on('damaged', (damage) => {
      if (this.#live && this.#whole) this.#feed?.damaged(damage);
      // What was on its way when input was held wakes nobody.
      if (!this.#gate.isClosed) this.#activity.damaged(damage);
    });
    source.on('cursor', (cursor) => {
      // Servers repeat the shape with each whole picture.
      if (this.#cursor !== null && sameCursor(this.#cursor, cursor)) return;
      this.#cursor = cursor;
      this.#tellAll(cursorMessage(cursor));
    });
    // Only who may paste into the desktop is told what is copied there.
    source.on('clipboard', (text) => {
      if (this.#clipboardAllowed) this.#control.holder?.tell({ type: 'clipboard', text });
    });
    source.on('lost', (error, final) => this.#lost(source, error, final));
    source.watch(this.#watched());
    const { soundPort } = this.#configuration;
    if (soundPort !== undefined) this.#sound.attach({ host, port: soundPort });
    if (firstPicture !== null) await this.#showFirst(source, firstPicture);
  }

  /** May come before the source, so that it knows from the start. */
  #useMemory(picture: Extract<StreamerCommand, { type: 'memory' }>['picture']): void {
    if (picture === null && this.#memory === null) return;
    this.#memory ??= new MemoryPicture(
      STREAMER_DESCRIPTORS.pixels,
      new Socket({ fd: STREAMER_DESCRIPTORS.reader, readable: true, writable: true }),
    );
    if (this.#source === null) this.#memory.show(picture);
    else this.#source.show(this.#memory, picture);
  }

  /** A stored picture that cannot be read is a pity, no reason to fail: the dark one stays. */
  async #showFirst(source: DesktopSource | null, file: NonNullable<Attach['firstPicture']>): Promise<void> {
    const picture = await readPicture(file.path, file.width, file.height).catch((error: unknown) => {
      process.stderr.write(`first picture not shown: ${toFault(error, 'streamer').message}\n`);
      return null;
    });
    if (picture === null || this.#live || this.#closed) return;
    if (source !== null && this.#source !== source) return;
    this.#show(picture);
  }

  #becameWhole(source: DesktopSource): void {
    this.#whole = true;
    this.#show(source);
    if (!this.#live) this.#becameLive();
  }

  #becameLive(): void {
    this.#live = true;
    this.#tellAll({ type: 'source', live: true });
    if (this.#firstPictureSent) return;
    this.#firstPictureSent = true;
    this.#emit({ type: 'first_picture' });
  }

  #show(picture: { readonly width: number; readonly height: number; readonly pixels: Buffer }): void {
    const feed = this.#videoFeed();
    const before = feed.size;
    feed.show({ width: picture.width, height: picture.height, pixels: picture.pixels });
    if (before.width !== picture.width || before.height !== picture.height)
      this.#tellAll(this.#sizeMessage());
  }

  #lost(source: DesktopSource, error: Error, final: boolean): void {
    if (this.#source !== source) return;
    const wasLive = this.#live;
    this.#live = false;
    this.#whole = false;
    if (wasLive) this.#tellAll({ type: 'source', live: false });
    this.#emit({
      type: 'detached',
      fault: {
        code: final ? 'vnc_unreachable' : 'vnc_lost',
        message: final
          ? `The VNC server did not answer: ${error.message}`
          : `The VNC connection was lost: ${error.message}`,
        hop: 'display',
        remedy: final ? 'See the VM’s console and the slot’s self-test.' : 'It is tried again.',
      },
    });
  }

  async #offer(viewerId: string, sdp: string, mode: ViewerMode): Promise<void> {
    const known = this.#viewers.get(viewerId);
    if (known !== undefined && known.mode !== mode) {
      this.#refuse(viewerId, {
        code: 'viewer_of_another',
        message: `Viewer ${viewerId} made its first offer with other rights.`,
        hop: 'viewer',
        remedy: 'Use a new viewer id for each connection.',
      });
      return;
    }
    if (known !== undefined) {
      await this.#answer(viewerId, known, sdp);
      return;
    }
    if (this.#viewers.size >= MAX_VIEWERS) this.#lostViewer()?.close();
    if (this.#viewers.size >= MAX_VIEWERS) {
      this.#refuse(viewerId, {
        code: 'too_many_viewers',
        message: `${MAX_VIEWERS} viewers are connected, which is the most.`,
        hop: 'viewer',
        remedy: 'Close another viewer.',
      });
      return;
    }
    const { iceServers, udpPortRange, iceTcp, offeredSubnets, maxKbps, soundPort } = this.#configuration;
    const feed = this.#videoFeed();
    const viewer = new Viewer(
      {
        iceServers,
        udpPortRange,
        iceTcp,
        loopback: offeredSubnets !== null,
        addresses: this.#addresses(),
        rates: { startKbps: Math.min(START_KBPS, maxKbps), maxKbps },
        sound: soundPort !== undefined && canEncodeSound,
        target: this.#gate,
        mode,
        permission: { mayAct: () => this.#control.holds(seat), take: () => this.#control.take(seat) },
      },
      {
        candidate: (candidate: IceCandidate) => this.#emit({ type: 'candidate', viewerId, candidate }),
        state: (state) => {
          if (state === 'closed') this.#viewers.delete(viewerId);
          if (state === 'connected') this.#control.join(seat);
          else this.#control.leave(seat);
          this.#source?.watch(this.#watched() && !this.#gate.isClosed);
          this.#emit({ type: 'viewer', viewerId, state });
        },
        video: (now, before) => {
          if (before !== null) feed.remove(before);
          if (now !== null) feed.add(now);
        },
        sound: (now, before) => {
          if (before !== null) this.#sound.remove(before);
          if (now !== null) this.#sound.add(now);
        },
        desktopOpen: () => this.#welcome(viewer, seat),
      },
    );
    const seat: Seat = {
      mode,
      release: () => viewer.releaseInput(),
      tell: (message) => viewer.tell(message),
    };
    this.#viewers.set(viewerId, viewer);
    if (!(await this.#answer(viewerId, viewer, sdp))) viewer.close();
  }

  #addresses(): Addresses {
    const { announcedAddresses, hiddenSubnets, offeredSubnets, iceTcp } = this.#configuration;
    return { announced: announcedAddresses, hidden: hiddenSubnets, offered: offeredSubnets, tcp: iceTcp };
  }

  /** A viewer whose pictures and input go another way, and whose turn it is by the same rule as everybody's. */
  #join(viewerId: string, mode: ViewerMode): void {
    if (this.#vncSeats.has(viewerId)) return;
    const seat: Seat = {
      mode,
      // Whoever carries its input lets go of its keys when it is told.
      release: () => {},
      tell: (message) => {
        if (message.type === 'control') this.#emit({ ...message, viewerId });
      },
    };
    this.#vncSeats.set(viewerId, seat);
    this.#control.join(seat);
  }

  /** A viewer that may be there no longer; the one that came first. */
  #lostViewer(): Viewer | undefined {
    return [...this.#viewers.values()].find((viewer) => viewer.lost);
  }

  /** False when the offer was refused. */
  async #answer(viewerId: string, viewer: Viewer, sdp: string): Promise<boolean> {
    try {
      this.#emit({ type: 'answer', viewerId, sdp: await viewer.answer(sdp) });
      return true;
    } catch (error) {
      this.#refuse(
        viewerId,
        new BrowserVmError({
          code: 'offer_refused',
          message: `The offer cannot be answered: ${error instanceof Error ? error.message : 'unknown reason'}`,
          hop: 'viewer',
          remedy: 'Send an SDP offer with a video section to receive.',
        }).fault,
      );
      return false;
    }
  }

  #refuse(viewerId: string, fault: Fault): void {
    this.#emit({ type: 'refused', viewerId, fault });
  }

  #watched(): boolean {
    return [...this.#viewers.values()].some((viewer) => viewer.connected);
  }

  get #clipboardAllowed(): boolean {
    return this.#configuration.clipboard !== false;
  }

  #sizeMessage(): DesktopMessage {
    return { type: 'size', ...this.#videoFeed().size };
  }

  #welcome(viewer: Viewer, seat: Seat): void {
    viewer.tell(this.#sizeMessage());
    viewer.tell({ type: 'source', live: this.#live });
    if (this.#cursor !== null) viewer.tell(cursorMessage(this.#cursor));
    this.#control.tell(seat);
  }

  #tellAll(message: DesktopMessage): void {
    for (const viewer of this.#viewers.values()) viewer.tell(message);
  }
}
