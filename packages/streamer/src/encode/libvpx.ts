import koffi from 'koffi';

/** Debian's packages libvpx9 and libvpx7. */
const LIBRARIES = ['libvpx.so.9', 'libvpx.so.7'] as const;
/** What its headers were at, which the library wants to be told: it refuses all but its own. 25 is that of 1.12. */
const VERSIONS = { from: 25, to: 60 } as const;

/** Offsets in `vpx_codec_enc_cfg_t`; versions differ only in what comes behind these. Each an unsigned 32-bit number. */
export const CONFIG = {
  threads: 4,
  width: 12,
  height: 16,
  timebaseNumerator: 28,
  timebaseDenominator: 32,
  lag: 44,
  endUsage: 72,
  kbps: 112,
  minQuantiser: 116,
  maxQuantiser: 120,
  keyFrameMode: 160,
} as const;
/** Larger than any version's. Bytes. */
const CONFIG_BYTES = 4096;
const CONTEXT_BYTES = 4096;
const IMAGE_BYTES = 4096;
/** Of the default configuration, by which a library is known to have it as we think. */
const DEFAULTS = { width: 320, height: 240, maxQuantiser: 63 } as const;

/** `vpx_codec_cx_pkt_t`. */
const PACKET = { bytes: 48, kind: 0, data: 8, size: 16, flags: 40 } as const;
const FRAME_PACKET = 0;
const IS_KEY = 1;

export const CONTROL = {
  activeMap: 9,
  cpuUsed: 13,
  staticThreshold: 17,
  screenContent: 31,
} as const;
const I420 = 258;
const REAL_TIME = 1;
const FORCE_KEY = 1;
const ABI_MISMATCH = 3;

export interface EncodedFrame {
  readonly data: Buffer;
  readonly isKey: boolean;
}

function bind(name: string) {
  const library = koffi.load(name);
  return {
    vp8: library.func('void *vpx_codec_vp8_cx()')() as bigint,
    defaults: library.func(
      'int vpx_codec_enc_config_default(void *iface, uint8_t *config, unsigned int usage)',
    ),
    init: library.func(
      'int vpx_codec_enc_init_ver(uint8_t *context, void *iface, uint8_t *config, long flags, int version)',
    ),
    configure: library.func('int vpx_codec_enc_config_set(uint8_t *context, uint8_t *config)'),
    control: library.func('int vpx_codec_control_(uint8_t *context, int id, ...)'),
    wrap: library.func(
      'void *vpx_img_wrap(uint8_t *image, int format, unsigned int width, unsigned int height, unsigned int align, uint8_t *data)',
    ),
    encode: library.func(
      'int vpx_codec_encode(uint8_t *context, uint8_t *image, int64_t pts, unsigned long duration, long flags, unsigned long deadline)',
    ),
    take: library.func('void *vpx_codec_get_cx_data(uint8_t *context, uint8_t *iterator)'),
    destroy: library.func('int vpx_codec_destroy(uint8_t *context)'),
  };
}

function load(): ReturnType<typeof bind> {
  for (const name of LIBRARIES) {
    try {
      return bind(name);
    } catch {
      // The next of them.
    }
  }
  throw new Error(`none of ${LIBRARIES.join(', ')} is installed, without which no picture can be encoded`);
}

/** Loaded here, before privileges are dropped. */
const vpx = load();

/** One of libvpx's encoders. Native code checks nothing: lengths are the caller's to keep. */
export class Libvpx {
  readonly #context = Buffer.alloc(CONTEXT_BYTES);
  readonly #config = Buffer.alloc(CONFIG_BYTES);
  readonly #image = Buffer.alloc(IMAGE_BYTES);
  readonly #iterator = Buffer.alloc(8);
  #data: Uint8Array | null = null;
  #count = 0n;
  #isOpen = true;

  constructor(settings: Partial<Record<keyof typeof CONFIG, number>>) {
    check(vpx.defaults(vpx.vp8, this.#config, 0));
    for (const [key, value] of Object.entries(DEFAULTS)) {
      if (this.#config.readUInt32LE(CONFIG[key as keyof typeof DEFAULTS]) !== value) {
        throw new Error(
          `libvpx’s default ${key} is not ${value}: its configuration is not laid out as known`,
        );
      }
    }
    this.#write(settings);
    let code: unknown = ABI_MISMATCH;
    for (let version = VERSIONS.from; code === ABI_MISMATCH && version <= VERSIONS.to; version += 1) {
      code = vpx.init(this.#context, vpx.vp8, this.#config, 0, version);
    }
    check(code);
  }

  configure(settings: Partial<Record<keyof typeof CONFIG, number>>): void {
    this.#write(settings);
    check(vpx.configure(this.#context, this.#config));
  }

  control(id: number, value: number): void {
    check(vpx.control(this.#context, id, 'int', value));
  }

  /** The same by address: a structure that stays where it is. */
  controlAt(id: number, value: Uint8Array): void {
    check(vpx.control(this.#context, id, 'void *', value));
  }

  /** The next frame of I420 pixels of that size. */
  encode(data: Uint8Array, width: number, height: number, key: boolean): EncodedFrame {
    if (data.length < (width * height * 3) / 2) throw new Error('a frame is too small for its size');
    if (this.#data !== data) {
      this.#data = data;
      vpx.wrap(this.#image, I420, width, height, 1, data);
    }
    check(vpx.encode(this.#context, this.#image, this.#count, 1, key ? FORCE_KEY : 0, REAL_TIME));
    this.#count += 1n;
    return this.#take();
  }

  close(): void {
    if (this.#isOpen) vpx.destroy(this.#context);
    this.#isOpen = false;
  }

  #take(): EncodedFrame {
    this.#iterator.fill(0);
    const parts: Buffer[] = [];
    let isKey = false;
    for (;;) {
      const at = vpx.take(this.#context, this.#iterator) as bigint | null;
      if (at === null || at === 0n) return { data: Buffer.concat(parts), isKey };
      const packet = Buffer.from(koffi.view(at, PACKET.bytes));
      if (packet.readInt32LE(PACKET.kind) !== FRAME_PACKET) continue;
      // libvpx’s own memory: copied by `concat`.
      parts.push(
        Buffer.from(
          koffi.view(packet.readBigUInt64LE(PACKET.data), Number(packet.readBigUInt64LE(PACKET.size))),
        ),
      );
      isKey ||= (packet.readUInt32LE(PACKET.flags) & IS_KEY) !== 0;
    }
  }

  #write(settings: Partial<Record<keyof typeof CONFIG, number>>): void {
    for (const [key, value] of Object.entries(settings)) {
      this.#config.writeUInt32LE(value, CONFIG[key as keyof typeof CONFIG]);
    }
  }
}

function check(code: unknown): void {
  if (code !== 0) throw new Error(`libvpx answered with error ${code}`);
}
