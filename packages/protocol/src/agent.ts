import { z } from 'zod';
import { faultSchema } from './errors.ts';
import { providerDescriptorSchema } from './provider.ts';

/**
 * The contract between host and agent: HTTP/1.1 on GUEST.agentPort, JSON bodies.
 *
 * | Route | What |
 * |---|---|
 * | `GET  /v1/health` | who answers, and which stages it has reached |
 * | `GET  /v1/events?after=SEQUENCE` | newline-delimited JSON, replayed from the sequence, then live |
 * | `POST /v1/prepare` | once, while a template is made: certificates in, desktop and browser start |
 * | `POST /v1/rehearse` | any number of times before `identify`: does to the machine what `identify` does, and is forgotten |
 * | `GET  /v1/framebuffer?width=W&height=H` | where in the machine's memory the desktop's picture is |
 * | `POST /v1/identify` | once per VM, after a resume: clock, then entropy, then identity |
 * | `POST /v1/clock` | any time later, after the CPUs stood still: the clock alone |
 * | `POST /v1/sign-in` | once per VM: run the provider's login |
 * | `GET  /v1/credential` | the credential, after `credential_ready`; never logged |
 * | `GET  /v1/clipboard/image` | after `identify`: the PNG on the desktop's clipboard, or 204; see protocol/clipboard.ts |
 * | `PUT  /v1/clipboard/image` | after `identify`: puts a PNG there |
 *
 * Requests from any address but the gateway's are refused: pages in the guest's browser cannot call it.
 * After `identify` each request carries `authorization: Bearer TOKEN` with the token it was given.
 */
export const AGENT_STAGES = ['kernel', 'network', 'agent', 'display', 'browser'] as const;
export const agentStageSchema = z.enum(AGENT_STAGES);
export type AgentStage = z.infer<typeof agentStageSchema>;

export const agentHealthSchema = z.object({
  agentVersion: z.string().describe('hash of the agent as built into the image'),
  contractVersion: z.string(),
  state: z.enum(['booted', 'preparing', 'prepared', 'identified', 'signing_in', 'signed_in', 'failed']),
  stages: z.array(
    z.object({ stage: agentStageSchema, elapsedMs: z.number().describe('since the kernel started') }),
  ),
  address: z.string().describe("the guest's own IPv4 address, read back from its interface"),
  commandLine: z.string().describe('/proc/cmdline'),
  memoryTotalMb: z.number(),
  unixTimeMs: z.number(),
  fault: faultSchema.nullable(),
});
export type AgentHealth = z.infer<typeof agentHealthSchema>;

export const prepareRequestSchema = z.strictObject({
  caCertificates: z.array(z.string()).describe('PEM; trusted by browser and tools besides the system store'),
  display: z.strictObject({ width: z.number().int(), height: z.number().int() }),
  pictureInMemory: z
    .boolean()
    .default(false)
    .describe(
      'keep the desktop’s picture in pages that stay where they are, so that it can be read from outside',
    ),
});
export type PrepareRequest = z.infer<typeof prepareRequestSchema>;

export const identifyRequestSchema = z.strictObject({
  token: z.string().min(32).describe('bearer token of every later request'),
  sessionId: z.string(),
  unixTimeMs: z.number().int(),
  entropy: z.base64().describe('at least 32 bytes, fresh per VM'),
  machineId: z.string().regex(/^[0-9a-f]{32}$/),
  hostname: z.string().regex(/^[a-z0-9-]{1,63}$/),
  timezone: z.string().default('Etc/UTC'),
  sound: z.boolean().default(false).describe('play what the desktop sounds like on GUEST.sound.port'),
});
export type IdentifyRequest = z.infer<typeof identifyRequestSchema>;

/** What of an identity the machine gets to know. */
export const rehearseRequestSchema = identifyRequestSchema.omit({
  token: true,
  sessionId: true,
  sound: true,
});
export type RehearseRequest = z.infer<typeof rehearseRequestSchema>;

export const identifyResponseSchema = z.object({
  clockCorrectionMs: z.number().describe('how far the clock was off, positive: it was behind'),
});
export type IdentifyResponse = z.infer<typeof identifyResponseSchema>;

export const clockRequestSchema = identifyRequestSchema.pick({ unixTimeMs: true });
export type ClockRequest = z.infer<typeof clockRequestSchema>;

export const clockResponseSchema = identifyResponseSchema;
export type ClockResponse = z.infer<typeof clockResponseSchema>;

export const signInRequestSchema = z.strictObject({ provider: providerDescriptorSchema });
export type SignInRequest = z.infer<typeof signInRequestSchema>;

export const credentialSchema = z.object({
  content: z.string().describe('the file as the tool wrote it'),
  path: z.string().describe('relative to HOME'),
  account: z.string().nullable(),
  expiresAt: z.iso.datetime().nullable(),
});
/** What the CLI wrote when the sign-in succeeded. Secret: goes to the vault and nowhere else. */
export type Credential = z.infer<typeof credentialSchema>;

/** Of a desktop, for now: RFB's own limit is the same. Pixels. */
const sideSchema = z.number().int().min(1).max(4096);

export const framebufferQuerySchema = z.strictObject({
  width: z.coerce.number().pipe(sideSchema),
  height: z.coerce.number().pipe(sideSchema),
});
export type FramebufferQuery = z.infer<typeof framebufferQuerySchema>;

export const framebufferSchema = z
  .strictObject({
    width: sideSchema,
    height: sideSchema,
    runs: z
      .array(
        z.strictObject({
          address: z.number().int().nonnegative().describe('guest-physical, bytes'),
          length: z.number().int().positive().describe('bytes'),
        }),
      )
      .min(1)
      .max(4096),
  })
  .describe('BGRX, rows without padding, over all runs in order; in pages that stay where they are')
  .refine(
    ({ width, height, runs }) => runs.reduce((sum, { length }) => sum + length, 0) === width * height * 4,
    'the runs are not as long as the rows',
  );
/** Where a desktop's picture is in the memory of its machine. */
export type Framebuffer = z.infer<typeof framebufferSchema>;

export const agentEventSchema = z.object({
  sequence: z.number().int().positive(),
  elapsedMs: z.number().describe('since the kernel started'),
  event: z.discriminatedUnion('type', [
    z.object({ type: z.literal('stage'), stage: agentStageSchema }),
    z.object({ type: z.literal('login_started') }),
    z.object({
      type: z.literal('url_opened'),
      origin: z.string().describe('scheme and host, never the query'),
    }),
    z.object({ type: z.literal('credential_seen') }).describe('the file exists and parses'),
    z
      .object({ type: z.literal('credential_ready') })
      .describe('the tool ended well and its status says signed in'),
    z.object({
      type: z.literal('clipboard'),
      hasImage: z.boolean().describe('has the desktop’s clipboard an image; told when that changes'),
    }),
    z.object({ type: z.literal('failed'), fault: faultSchema }),
    z.object({
      type: z.literal('log'),
      level: z.enum(['debug', 'info', 'warn', 'error']),
      message: z.string(),
    }),
  ]),
});
export type AgentEvent = z.infer<typeof agentEventSchema>;
