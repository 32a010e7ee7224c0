import { z } from 'zod';
import { faultSchema, hopSchema } from './errors.ts';
import { providerIdSchema } from './provider.ts';
import { FULL_REASONS, sessionIdSchema, sessionSchema, sessionStateSchema, userIdSchema } from './session.ts';
import { iceCandidateSchema, iceServerSchema, viewerIdSchema, viewerModeSchema } from './signaling.ts';

export const healthSchema = z
  .object({ status: z.literal('ok'), version: z.string(), uptimeSeconds: z.number() })
  .meta({ id: 'Health' });

export const startRequestSchema = z
  .strictObject({
    userId: userIdSchema,
    provider: z.string().min(1).max(64),
    clipboard: z
      .boolean()
      .optional()
      .describe(
        'false: nothing copied goes between people and this desktop, either way; true, as without it: as BROWSER_VM_CLIPBOARD says',
      ),
  })
  .meta({ id: 'StartRequest' });
export type StartRequest = z.infer<typeof startRequestSchema>;

export const startResponseSchema = z
  .object({
    sessionId: sessionIdSchema,
    status: sessionStateSchema,
    viewerUrl: z.url().describe('open in a browser; carries the viewer token in its fragment'),
    viewerToken: z.string().describe('JWT for this session alone'),
    viewerTokenExpiresAt: z.iso.datetime(),
  })
  .meta({ id: 'StartResponse' });
export type StartResponse = z.infer<typeof startResponseSchema>;

export const viewerRequestSchema = z.strictObject({ mode: viewerModeSchema }).meta({ id: 'ViewerRequest' });

export const viewerResponseSchema = startResponseSchema
  .omit({ status: true })
  .extend({ mode: viewerModeSchema })
  .meta({ id: 'ViewerResponse' });

/** What whoever asks may do in a session. */
export const viewerSchema = z.object({ mode: viewerModeSchema }).meta({ id: 'Viewer' });
export type ViewerAccess = z.infer<typeof viewerSchema>;

export const sessionResponseSchema = sessionSchema;

export const iceServersResponseSchema = z
  .object({ iceServers: z.array(iceServerSchema) })
  .meta({ id: 'IceServers' });

export const providerSummarySchema = z
  .object({ id: providerIdSchema, name: z.string(), tool: z.string(), version: z.string() })
  .meta({ id: 'Provider' });
export const providersResponseSchema = z.object({ providers: z.array(providerSummarySchema) });

export const credentialSummarySchema = z
  .object({
    credentialId: z.uuid(),
    userId: userIdSchema,
    provider: providerIdSchema,
    account: z.string().nullable(),
    expiresAt: z.iso.datetime().nullable(),
    keyId: z.string().describe('which vault key encrypts it'),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Credential' });
export type CredentialSummary = z.infer<typeof credentialSummarySchema>;
export const credentialsResponseSchema = z.object({ credentials: z.array(credentialSummarySchema) });

/** What a viewer reports that only it can see. */
export const viewerReportSchema = z
  .strictObject({ stage: z.enum(['first_frame', 'live_picture']) })
  .meta({ id: 'ViewerReport' });
export type ViewerReport = z.infer<typeof viewerReportSchema>;

export const sessionsResponseSchema = z.object({ sessions: z.array(sessionSchema) });

/** Server-Sent Event `candidate` of a session's event stream: from the streamer, for one viewer. */
export const viewerCandidateSchema = z
  .object({ viewerId: viewerIdSchema, candidate: iceCandidateSchema })
  .meta({ id: 'ViewerCandidate' });
export type ViewerCandidate = z.infer<typeof viewerCandidateSchema>;

export const signInLinkSchema = z
  .object({
    url: z.url().describe('opens the dashboard once; sets its cookie'),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'SignInLink' });
export type SignInLink = z.infer<typeof signInLinkSchema>;

export const checkSchema = z
  .object({
    name: z.string(),
    hop: hopSchema,
    ok: z.boolean(),
    detail: z.string(),
    remedy: z.string().optional(),
  })
  .meta({ id: 'Check' });

export const hostResponseSchema = z
  .object({
    usage: z.object({
      vms: z.number().int(),
      standby: z.number().int().describe('of those: CPUs stopped until somebody wants them'),
      slots: z.number().int(),
      streamers: z.number().int(),
      pool: z
        .object({
          slots: z.number().int(),
          streamers: z.number().int(),
          warm: z.number().int(),
          memoryMb: z.number().describe('what it shares with nobody, MiB'),
        })
        .optional()
        .describe('made ahead and waiting; counted in slots and streamers, not in vms'),
      freeMemoryMb: z.number(),
      diskMb: z.object({ images: z.number(), templates: z.number(), logs: z.number() }),
      capacity: z.object({
        maxVms: z.number().int(),
        queued: z.number().int().describe('sessions that wait for a place'),
        full: z
          .object({ reason: z.enum(FULL_REASONS), message: z.string() })
          .nullable()
          .describe('why no VM would start now'),
        roomForVms: z.number().int().describe('VMs that would still fit now'),
        vmsMb: z.number().describe('memory that live VMs and their streamers share with nobody, MiB'),
        perVmMb: z.number().describe('what one more VM is expected to take, MiB'),
        loadPerCore: z.number().describe('runnable tasks per core, averaged over a minute'),
        logsLimitMb: z.number(),
      }),
      template: z.object({
        current: z
          .object({ key: z.string(), imageId: z.string(), builtAt: z.iso.datetime() })
          .nullable()
          .describe('what sessions start from'),
        making: z
          .object({ key: z.string(), since: z.iso.datetime(), progress: z.string() })
          .nullable()
          .describe('the one being made; sessions start from the current one until it is ready'),
        retiring: z.number().int().describe('others that sessions still run from'),
        fault: faultSchema.nullable().describe('why the last attempt to replace the current one failed'),
      }),
    }),
    checks: z.array(checkSchema),
  })
  .meta({ id: 'HostReport' });
