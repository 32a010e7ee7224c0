import { z } from 'zod';

/** One viewer connection; a page that reconnects makes a new one. */
export const viewerIdSchema = z.uuid().meta({ id: 'ViewerId' });

/** What a viewer may do: act when it is in control, or only watch. */
export const viewerModeSchema = z.enum(['control', 'view']).meta({ id: 'ViewerMode' });
export type ViewerMode = z.infer<typeof viewerModeSchema>;

/** RFC 8829 session descriptions stay far below this. Bytes. */
const MAX_SDP = 65_536;

export const sdpSchema = z.string().min(1).max(MAX_SDP);

export const iceServerSchema = z
  .object({
    urls: z.array(z.string()).min(1),
    username: z.string().optional(),
    credential: z.string().optional(),
  })
  .meta({ id: 'IceServer' });
export type IceServer = z.infer<typeof iceServerSchema>;

export const iceCandidateSchema = z
  .object({
    candidate: z.string().max(1024).describe('empty: no more will follow'),
    sdpMid: z.string().max(64).nullable().default(null),
    sdpMLineIndex: z.number().int().nonnegative().nullable().default(null),
    usernameFragment: z.string().max(256).nullable().default(null),
  })
  .meta({ id: 'IceCandidate' });
export type IceCandidate = z.infer<typeof iceCandidateSchema>;

export const offerRequestSchema = z
  .strictObject({ viewerId: viewerIdSchema, sdp: sdpSchema })
  .meta({ id: 'OfferRequest' });
export type OfferRequest = z.infer<typeof offerRequestSchema>;

export const answerSchema = z.object({ viewerId: viewerIdSchema, sdp: sdpSchema }).meta({ id: 'Answer' });
export type Answer = z.infer<typeof answerSchema>;

export const candidateRequestSchema = z
  .strictObject({ viewerId: viewerIdSchema, candidate: iceCandidateSchema })
  .meta({ id: 'CandidateRequest' });
export type CandidateRequest = z.infer<typeof candidateRequestSchema>;

/** State of one viewer's WebRTC connection as the streamer sees it. */
export const viewerStateSchema = z.enum(['connecting', 'connected', 'disconnected', 'failed', 'closed']);
export type ViewerState = z.infer<typeof viewerStateSchema>;
