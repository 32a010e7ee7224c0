import { type Framebuffer, toFault } from '@browser-vm/protocol';
import type { Vm } from '../drivers/driver.ts';
import { PictureReader } from '../picture-reader/picture-reader.ts';
import type { StreamerProcess } from '../streamer-process/streamer-process.ts';

/** Pixels. */
interface Size {
  readonly width: number;
  readonly height: number;
}

export interface PictureInMemoryOptions {
  /** Where the template has its picture, and so each of its VMs at first. */
  readonly framebuffer: Framebuffer;
  /** The reader becomes this user, which no other process has. */
  readonly uid: number;
  readonly environment: Readonly<Record<string, string>>;
}

/** Of the session that the VM is for. */
export interface PictureSession {
  /** Asks the guest where its picture is now. */
  readonly find: (size: Size) => Promise<Framebuffer>;
  readonly log: (message: string, details: Record<string, unknown>) => void;
}

/** Sees to it that a VM's streamer has the picture from the VM's memory. Where that fails, it has it by VNC. */
export class PictureInMemory {
  readonly #options: PictureInMemoryOptions;
  #session: (PictureSession & { readonly streamer: StreamerProcess }) | null = null;
  #reader: PictureReader | null = null;
  #starting: Promise<void> | null = null;
  #framebuffer: Framebuffer;
  #generation = 0;
  #finding = false;
  #wanted: Size | null = null;
  /** Why there is no reader, for good. */
  #failure: { readonly error: unknown } | null = null;
  #stopped = false;

  constructor(options: PictureInMemoryOptions) {
    this.#options = options;
    this.#framebuffer = options.framebuffer;
  }

  get pid(): number | null {
    return this.#reader?.pid ?? null;
  }

  /**
   * Starts the reader, once, which looks at nothing before `show`. Resolves when it runs, or when it cannot; never
   * rejects.
   */
  async start(vm: Vm, streamer: StreamerProcess): Promise<void> {
    if (this.#stopped) return;
    this.#starting ??= this.#start(vm, streamer).catch((error: unknown) => this.#fail(error));
    await this.#starting;
  }

  /** From now on it is this session's; once, before its streamer looks for a desktop. */
  serve(streamer: StreamerProcess, session: PictureSession): void {
    this.#session = { ...session, streamer };
    if (this.#failure === null) this.#announce();
    else this.#sayVnc(this.#failure.error);
  }

  /** Of a VM that runs and a streamer that is served. Never rejects. */
  async show(vm: Vm, streamer: StreamerProcess): Promise<void> {
    await this.start(vm, streamer);
    if (!this.#stopped && this.#failure === null) this.#look();
  }

  /** The desktop has another size or server now: the picture is elsewhere. */
  async moved(size: Size): Promise<void> {
    this.#wanted = size;
    if (this.#finding) return;
    this.#finding = true;
    try {
      // A streamer may ask as often as it likes: the guest is asked once at a time.
      for (let now: Size | null = size; now !== null; now = this.#wanted) {
        this.#wanted = null;
        await this.#starting;
        if (this.#session === null || this.#failure !== null || this.#stopped) return;
        this.#reader?.rest();
        this.#framebuffer = await this.#session.find(now);
        this.#generation += 1;
        this.#announce();
        this.#look();
      }
    } catch (error) {
      this.#sayVnc(error);
    } finally {
      this.#finding = false;
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#starting;
    await this.#reader?.stop();
  }

  async #start(vm: Vm, streamer: StreamerProcess): Promise<void> {
    const { uid, environment } = this.#options;
    const memory = await vm.memory();
    const reader = await PictureReader.start({ uid, gid: uid, environment, memory, ...streamer.forReader });
    this.#reader = reader;
    // It ends by itself with its VM's streamer, which is not worth a word.
    void reader.gone.then((why) => this.#fail(why === '' ? null : new Error(why)));
  }

  /** Without it the streamer would wait for a picture in memory. */
  #announce(): void {
    const { width, height } = this.#framebuffer;
    const picture = { generation: this.#generation, width, height };
    this.#session?.streamer.send({ type: 'memory', picture });
  }

  #look(): void {
    try {
      this.#reader?.look(this.#generation, this.#framebuffer);
    } catch (error) {
      this.#sayVnc(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#failure !== null || this.#stopped) return;
    this.#failure = { error };
    this.#sayVnc(error);
  }

  #sayVnc(error: unknown): void {
    if (this.#stopped) return;
    this.#session?.streamer.send({ type: 'memory', picture: null });
    if (error !== null) this.#session?.log('the picture comes by VNC', { fault: toFault(error, 'display') });
  }
}
