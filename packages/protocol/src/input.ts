import { z } from 'zod';
import { viewerModeSchema } from './signaling.ts';

/**
 * What travels between viewer and streamer on data channels, as JSON text.
 * `pointer` is unordered and without retransmission (moves only); `input` is ordered and reliable;
 * `desktop` carries what the streamer tells the viewer.
 */
export const CHANNELS = { pointer: 'pointer', input: 'input', desktop: 'desktop' } as const;

/**
 * WebSocket subprotocols of the noVNC gateway. Binary frames are RFB; with `control`, text frames are
 * `DesktopMessage`s of type `control` one way, and `InputMessage`s of type `take_control` the other.
 */
export const VNC_PROTOCOLS = { plain: 'binary', control: 'control.browser-vm' } as const;

/**
 * What pastes in programs of the guest, pressed in this order and let go in the other: X11 keysyms (X11/keysymdef.h), and
 * the physical keys as `KeyboardEvent.code` names them.
 */
export const PASTE_KEYS = [
  { keysym: 0xffe3, code: 'ControlLeft' },
  { keysym: 0x76, code: 'KeyV' },
] as const;

/**
 * Keys for a mouse's side buttons, XF86Back and XF86Forward (X11/XF86keysym.h): not every RFB server has an eighth button,
 * and none a ninth.
 */
export const SIDE_BUTTON_KEYSYMS = { back: 0x1008ff26, forward: 0x1008ff27 } as const;

const coordinate = z.number().int().min(0).max(16_383).describe('pixels of the desktop');

/**
 * Sizes a viewer may ask of the desktop, in its pixels. Below, sign-in pages cannot be used; above, encoding takes
 * more of the host than a desktop is worth.
 */
export const DESKTOP_SIDE = { min: 320, max: 2560 } as const;
/** Pixels in all: 2560 x 1600. */
export const DESKTOP_MAX_AREA = 4_096_000;

const side = z.number().int().min(DESKTOP_SIDE.min).max(DESKTOP_SIDE.max).multipleOf(2);

export const pointerMoveSchema = z.strictObject({
  type: z.literal('move'),
  x: coordinate,
  y: coordinate,
  sequence: z.number().int().nonnegative().describe('older moves that arrive late are dropped'),
});

export const inputMessageSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('button'),
    button: z.enum(['left', 'middle', 'right', 'back', 'forward']),
    pressed: z.boolean(),
    x: coordinate,
    y: coordinate,
  }),
  z.strictObject({
    type: z.literal('wheel'),
    x: coordinate,
    y: coordinate,
    deltaX: z.number().min(-10_000).max(10_000).describe('CSS pixels'),
    deltaY: z.number().min(-10_000).max(10_000).describe('CSS pixels'),
  }),
  z.strictObject({
    type: z.literal('key'),
    keysym: z.number().int().min(0).max(0x1fffffff).describe('X11 keysym'),
    code: z.string().max(32).describe('KeyboardEvent.code: the physical key'),
    pressed: z.boolean(),
  }),
  z
    .strictObject({ type: z.literal('text'), text: z.string().min(1).max(1000) })
    .describe('typed, of characters that the keyboard may have no keys for: of an input method, emoji'),
  z.strictObject({ type: z.literal('release_all') }).describe('focus lost: no key stays down'),
  z.strictObject({ type: z.literal('clipboard'), text: z.string().max(1_048_576) }),
  z
    .strictObject({ type: z.literal('resize'), width: side, height: side })
    .refine(({ width, height }) => width * height <= DESKTOP_MAX_AREA, 'too many pixels')
    .describe('a size the desktop should have'),
  z.strictObject({ type: z.literal('take_control') }).describe('from whoever has it, if this viewer may'),
  z
    .strictObject({ type: z.literal('sound'), on: z.boolean() })
    .describe('this viewer wants to hear the desktop, or no longer; at first it does not'),
]);
export type PointerMove = z.infer<typeof pointerMoveSchema>;
export type InputMessage = z.infer<typeof inputMessageSchema>;

/** Who is in control, as told to one viewer. */
export const controlHolderSchema = z.enum(['you', 'other', 'nobody']);
export type ControlHolder = z.infer<typeof controlHolderSchema>;

/** How control stands, as told to one viewer. */
export const controlStateSchema = z.object({
  holder: controlHolderSchema,
  mode: viewerModeSchema.describe('what this viewer may do'),
  viewers: z.number().int().min(0).describe('connected, by WebRTC or noVNC, this one counted'),
  clipboard: z.boolean().describe('does what is copied go to and from the viewer in control'),
});
export type ControlState = z.infer<typeof controlStateSchema>;

export const desktopMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('size'), width: coordinate, height: coordinate }),
  z.object({
    type: z.literal('cursor'),
    width: z.number().int().min(0).max(256),
    height: z.number().int().min(0).max(256),
    hotspotX: z.number().int().min(0),
    hotspotY: z.number().int().min(0),
    rgba: z.base64().describe('straight alpha, row by row'),
  }),
  z.object({ type: z.literal('clipboard'), text: z.string() }),
  z.object({ type: z.literal('source'), live: z.boolean().describe('is the picture that of a running VM') }),
  z.object({ type: z.literal('control'), ...controlStateSchema.shape }),
  z
    .object({ type: z.literal('heard'), inputs: z.number().int().nonnegative() })
    .describe(
      'messages that came on the `input` channels of this viewer so far; first of all on each connection, and what comes on one before it is not heard any more',
    ),
]);
export type DesktopMessage = z.infer<typeof desktopMessageSchema>;
