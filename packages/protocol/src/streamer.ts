import { z } from 'zod';
import { faultSchema } from './errors.ts';
import { controlStateSchema } from './input.ts';
import {
  iceCandidateSchema,
  iceServerSchema,
  sdpSchema,
  viewerIdSchema,
  viewerModeSchema,
  viewerStateSchema,
} from './signaling.ts';

const firstPictureSchema = z
  .strictObject({ path: z.string(), width: z.number().int(), height: z.number().int() })
  .describe('a file of BGRX pixels');

/** Descriptors that a streamer has from its start. */
export const STREAMER_DESCRIPTORS = {
  /** The template's last picture; may be none. */
  firstPicture: 4,
  /** Memory that the reader of the VM's picture writes to: BGRX, rows without padding, from its start. */
  pixels: 5,
  /** A socket to that reader. */
  reader: 6,
} as const;

const sideSchema = z.number().int().min(1).max(4096);

/** What the host tells a streamer process, over Node's IPC channel. */
export const streamerCommandSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('configure'),
    iceServers: z.array(iceServerSchema),
    udpPortRange: z.strictObject({ min: z.number().int(), max: z.number().int() }).nullable(),
    announcedAddresses: z
      .array(z.union([z.ipv4(), z.ipv6()]))
      .max(8)
      .describe('where this host is reached besides its own addresses, with the same ports'),
    hiddenSubnets: z
      .array(z.union([z.cidrv4(), z.cidrv6()]))
      .max(8)
      .describe('own addresses that no viewer is told: the wires of slots'),
    offeredSubnets: z
      .array(z.union([z.cidrv4(), z.cidrv6()]))
      .max(8)
      .nullable()
      .describe('own addresses that viewers are told; null: all but hidden and link-local ones'),
    iceTcp: z.boolean().describe('viewers may connect by TCP, too'),
    maxKbps: z.number().int().positive(),
    minFrameIntervalMs: z.number().int().positive(),
    clipboard: z.boolean().optional().describe('false: nothing copied goes either way'),
    soundPort: z
      .number()
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe(
        'where the desktop plays, on the host of its VNC server; absent: viewers are offered no sound',
      ),
    firstPicture: firstPictureSchema
      .optional()
      .describe("the template's last picture, decoded and shown from now on until the VM's own arrives"),
  }),
  z.strictObject({
    type: z.literal('attach'),
    host: z.string(),
    port: z.number().int(),
    firstPicture: firstPictureSchema
      .nullable()
      .describe("the template's last picture, BGRX, shown until the VM's own arrives"),
  }),
  z
    .strictObject({
      type: z.literal('memory'),
      picture: z
        .strictObject({ generation: z.number().int().nonnegative(), width: sideSchema, height: sideSchema })
        .nullable(),
    })
    .describe('whether the reader of the VM has its picture, and of what size; otherwise it is had by RFB'),
  z.strictObject({
    type: z.literal('offer'),
    viewerId: viewerIdSchema,
    sdp: sdpSchema,
    mode: viewerModeSchema,
  }),
  z.strictObject({ type: z.literal('candidate'), viewerId: viewerIdSchema, candidate: iceCandidateSchema }),
  z.strictObject({ type: z.literal('disconnect'), viewerId: viewerIdSchema }),
  z
    .strictObject({ type: z.literal('join'), viewerId: viewerIdSchema, mode: viewerModeSchema })
    .describe('a viewer by VNC: it has its turn in control; `control` tells how that stands'),
  z
    .strictObject({ type: z.literal('take_control'), viewerId: viewerIdSchema })
    .describe('for a viewer by VNC'),
  z.strictObject({ type: z.literal('leave'), viewerId: viewerIdSchema }).describe('of a viewer by VNC'),
  z.strictObject({ type: z.literal('ping') }).describe('answered with `pong` at once'),
  z
    .strictObject({ type: z.literal('hold') })
    .describe('keep input back and ask the VM for nothing, until `release`; `held` answers'),
  z.strictObject({ type: z.literal('release') }).describe('the VM runs: input goes in, first what was kept'),
  z.strictObject({ type: z.literal('close') }),
]);
export type StreamerCommand = z.infer<typeof streamerCommandSchema>;

/** What a streamer process tells the host. The host trusts none of it: it parses a guest's bytes. */
export const streamerEventSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready') }).describe('listening for commands, privileges dropped'),
  z.strictObject({ type: z.literal('pong') }),
  z.strictObject({ type: z.literal('attached'), width: z.number().int(), height: z.number().int() }),
  z.strictObject({ type: z.literal('first_picture') }).describe('the VM sent its first whole picture'),
  z
    .strictObject({ type: z.literal('picture_moved'), width: sideSchema, height: sideSchema })
    .describe('the desktop has this size now, or a new server: where its picture was, it is no longer'),
  z
    .strictObject({ type: z.literal('picture_source'), source: z.enum(['memory', 'rfb']) })
    .describe('where the picture that viewers see comes from; at each change'),
  z.strictObject({ type: z.literal('detached'), fault: faultSchema }),
  z.strictObject({ type: z.literal('answer'), viewerId: viewerIdSchema, sdp: sdpSchema }),
  z.strictObject({ type: z.literal('candidate'), viewerId: viewerIdSchema, candidate: iceCandidateSchema }),
  z.strictObject({ type: z.literal('viewer'), viewerId: viewerIdSchema, state: viewerStateSchema }),
  z
    .strictObject({ type: z.literal('control'), viewerId: viewerIdSchema, ...controlStateSchema.shape })
    .describe('to a viewer by VNC'),
  z
    .strictObject({ type: z.literal('activity') })
    .describe('input, also what is kept back; or a picture that somebody watches changes'),
  z.strictObject({ type: z.literal('held') }).describe('nothing reaches the VM any more'),
  z.strictObject({ type: z.literal('refused'), viewerId: viewerIdSchema, fault: faultSchema }),
]);
export type StreamerEvent = z.infer<typeof streamerEventSchema>;
