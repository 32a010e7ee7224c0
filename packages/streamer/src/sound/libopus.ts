import { GUEST } from '@browser-vm/protocol';
import koffi from 'koffi';

/** Debian's package libopus0; its functions have been the same since 2012. */
const LIBRARY = 'libopus.so.0';
/** Of `opus_encoder_create`: music as well as speech. */
const AUDIO = 2049;
const CONTROL = { bitrate: 4002, complexity: 4010 } as const;
/** What one channel needs to sound like the original to most ears. bit/s. */
const BITRATE = 32_000;
/** Of 10; more takes the processor longer for what few hear. */
const COMPLEXITY = 5;
/** The most that a frame can take. Bytes. */
const MAX_PACKET = 1275;

/** Of one frame, as is usual for Opus. Milliseconds, and samples. */
export const FRAME_MS = 20;
export const FRAME_SAMPLES = (GUEST.sound.samplesPerSecond / 1000) * FRAME_MS;

function load() {
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load(LIBRARY);
  } catch {
    return null;
  }
  return {
    create: library.func(
      'void *opus_encoder_create(int32_t samplesPerSecond, int channels, int application, _Out_ int *error)',
    ),
    control: library.func('int opus_encoder_ctl(void *encoder, int request, ...)'),
    encode: library.func(
      'int32_t opus_encode(void *encoder, const int16_t *pcm, int samples, uint8_t *packet, int32_t most)',
    ),
    destroy: library.func('void opus_encoder_destroy(void *encoder)'),
  };
}

/** Loaded here, before privileges are dropped. Null: it is not installed. */
const opus = load();

/** Is there a library to encode sound with? */
export const canEncodeSound = opus !== null;

/** One of libopus' encoders. Throws where the library is not installed. */
export class OpusEncoder {
  readonly #encoder: unknown;
  readonly #packet = Buffer.alloc(MAX_PACKET);
  #isOpen = true;

  constructor() {
    const { samplesPerSecond, channels } = GUEST.sound;
    const error = [0];
    this.#encoder = opus?.create(samplesPerSecond, channels, AUDIO, error);
    if (opus === null || error[0] !== 0) throw new Error(`no encoder of ${LIBRARY}: error ${error[0]}`);
    opus.control(this.#encoder, CONTROL.bitrate, 'int', BITRATE);
    opus.control(this.#encoder, CONTROL.complexity, 'int', COMPLEXITY);
  }

  /** A frame of FRAME_SAMPLES for each channel. */
  encode(pcm: Int16Array): Buffer {
    if (pcm.length !== FRAME_SAMPLES * GUEST.sound.channels) throw new Error('a frame has another length');
    const bytes: number = opus?.encode(this.#encoder, pcm, FRAME_SAMPLES, this.#packet, MAX_PACKET);
    if (!(bytes > 0)) throw new Error(`libopus answered with error ${bytes}`);
    return Buffer.from(this.#packet.subarray(0, bytes));
  }

  close(): void {
    if (this.#isOpen) opus?.destroy(this.#encoder);
    this.#isOpen = false;
  }
}
