import { z } from 'zod';

const port = z.coerce.number().int().min(1).max(65_535);
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);
const list = z.union([
  z.array(z.string()),
  z.string().transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  ),
]);

/**
 * Every configuration key, once. A key comes from the environment (this name) or from the
 * configuration file (the same name); the environment wins. An unknown key in the file, or an unknown
 * `BROWSER_VM_*` in the environment, is an error.
 */
export const configurationSchema = z.strictObject({
  BROWSER_VM_HOST: z.string().default('127.0.0.1').describe('address the controller listens on'),
  BROWSER_VM_PORT: port.default(4000).describe('port of API and dashboard'),
  BROWSER_VM_PUBLIC_URL: z.url().optional().describe('origin people use, when it is not http://HOST:PORT'),
  BROWSER_VM_STATE_DIR: z
    .string()
    .default('/var/lib/browser-vm')
    .describe('images, templates, secrets, logs'),
  BROWSER_VM_RUN_DIR: z.string().default('/run/browser-vm').describe('sockets and files of running VMs'),
  BROWSER_VM_DRIVER: z.enum(['qemu']).default('qemu').describe('virtual machine monitor'),
  BROWSER_VM_ACCELERATOR: z
    .enum(['auto', 'kvm', 'tcg'])
    .default('auto')
    .describe('auto: kvm after a real probe'),
  BROWSER_VM_VCPU: z.coerce.number().int().min(1).max(32).default(2).describe('virtual CPUs of a VM'),
  BROWSER_VM_MEMORY_MB: z.coerce
    .number()
    .int()
    .min(64)
    .max(65_536)
    .default(1024)
    .describe('memory of a VM, MiB'),
  BROWSER_VM_TRANSLATION_MB: z.coerce
    .number()
    .int()
    .min(16)
    .max(256)
    .default(256)
    .describe(
      'without KVM: room for the code that a VM runs translated, MiB beside its memory; less carries more VMs, each of them slower',
    ),
  BROWSER_VM_MAX_VMS: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(20)
    .describe('VMs at once; a start beyond it is refused or waits'),
  BROWSER_VM_MAX_VMS_PER_USER: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe('sessions of one user at once; absent: no limit but that of the host'),
  BROWSER_VM_MAX_LOAD: z.coerce
    .number()
    .min(1)
    .max(1000)
    .default(16)
    .describe('load average per core beyond which no VM starts beside others'),
  BROWSER_VM_QUEUE_SECONDS: z.coerce
    .number()
    .int()
    .min(0)
    .max(3600)
    .default(0)
    .describe('how long a session may wait for a place on a full host; 0: refused at once'),
  BROWSER_VM_KEEP_TEMPLATES: z.coerce
    .number()
    .int()
    .min(0)
    .max(100)
    .default(2)
    .describe('templates kept besides those in use'),
  BROWSER_VM_LOGS_MB: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(500)
    .describe('logs of ended sessions, MB; the oldest go first'),
  BROWSER_VM_LOGS_SESSIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .describe('ended sessions whose logs are kept'),
  BROWSER_VM_POOL_SLOTS: z.coerce
    .number()
    .int()
    .min(0)
    .max(64)
    .default(2)
    .describe('slots made ahead of the next starts'),
  BROWSER_VM_POOL_STREAMERS: z.coerce
    .number()
    .int()
    .min(0)
    .max(64)
    .default(2)
    .describe('streamers started ahead, each in a slot of its own; 60 MB each'),
  BROWSER_VM_WARM: z.coerce
    .number()
    .int()
    .min(0)
    .max(64)
    .default(1)
    .describe('VMs resumed ahead and paused, each in a slot of its own'),
  BROWSER_VM_STANDBY_SECONDS: z.coerce
    .number()
    .int()
    .min(0)
    .max(86_400)
    .default(180)
    .describe(
      'a VM stops its CPUs after so long without input, a new viewer, or a change that somebody watches, while its tool waits for the user; the next of these starts them; 0: never',
    ),
  BROWSER_VM_SLOT_SUBNET: z
    .string()
    .default('10.231.0.0/16')
    .describe('link addresses between host and slots'),
  BROWSER_VM_DNS_SERVERS: list.default([]).describe("the resolver's upstream; empty: the host's own"),
  BROWSER_VM_HOST_RECORDS: list
    .default([])
    .describe('name=address pairs that guests resolve first, for names only you know'),
  BROWSER_VM_CA_CERTIFICATES: z
    .string()
    .optional()
    .describe('PEM file that guests trust besides the public CAs'),
  BROWSER_VM_SESSION_TTL_SECONDS: z.coerce
    .number()
    .int()
    .min(30)
    .max(86_400)
    .default(1800)
    .describe('a session ends after this'),
  BROWSER_VM_VIEWER_TOKEN_TTL_SECONDS: z.coerce
    .number()
    .int()
    .min(30)
    .max(86_400)
    .default(1800)
    .describe('a viewer token ends after this'),
  BROWSER_VM_API_TOKEN: z
    .string()
    .min(24)
    .optional()
    .describe("the operator's bearer token; absent: made on first run, secrets/api-token"),
  BROWSER_VM_VAULT_KEY: z
    .string()
    .optional()
    .describe('encrypts credentials: base64, 32 bytes; absent: made on first run, secrets/vault.key'),
  BROWSER_VM_ICE_SERVERS: z
    .string()
    .default('[]')
    .describe('JSON array of RTCIceServer: STUN, and TURN whose credentials never change'),
  BROWSER_VM_TURN_URLS: list
    .default([])
    .describe('TURN servers that share BROWSER_VM_TURN_SECRET, as turn: or turns: addresses'),
  BROWSER_VM_TURN_SECRET: z
    .string()
    .min(16)
    .optional()
    .describe("coturn's static-auth-secret; absent: made on first run, secrets/turn-secret"),
  BROWSER_VM_TURN_TTL_SECONDS: z.coerce
    .number()
    .int()
    .min(60)
    .max(86_400)
    .default(3600)
    .describe('credentials made from that secret end after this'),
  BROWSER_VM_UDP_PORTS: z
    .string()
    .regex(/^\d{1,5}-\d{1,5}$/)
    .refine((text) => {
      const [min = 0, max = 0] = text.split('-').map(Number);
      return min >= 1 && min <= max && max <= 65_535;
    }, 'is no range of ports')
    .optional()
    .describe(
      'UDP ports of media, MIN-MAX; one a viewer, two with TURN, and as many again while it reconnects; absent: any',
    ),
  BROWSER_VM_ANNOUNCED_ADDRESSES: list
    .pipe(z.array(z.union([z.ipv4(), z.ipv6()])).max(8))
    .default([])
    .describe('addresses at which a NAT passes BROWSER_VM_UDP_PORTS on to this host'),
  BROWSER_VM_MEDIA_ADDRESSES: list
    .pipe(z.array(z.union([z.ipv4(), z.ipv6()])).max(8))
    .default([])
    .describe('own addresses that viewers are told for media; absent: all but those of slots'),
  BROWSER_VM_ICE_TCP: flag
    .default(true)
    .describe('media by TCP, too, on the same ports, for viewers whose network lets no UDP through'),
  BROWSER_VM_MAX_KBPS: z.coerce
    .number()
    .int()
    .min(100)
    .max(50_000)
    .default(30_000)
    .describe(
      'what one stream may send at most, kbit/s; packets leave at this pace, so less makes answers later',
    ),
  BROWSER_VM_PICTURE_SOURCE: z
    .enum(['auto', 'rfb'])
    .default('rfb')
    .describe(
      "where the streamer has a VM's picture from: its memory where that can be read, or always its VNC server",
    ),
  BROWSER_VM_CLIPBOARD: flag
    .default(true)
    .describe("false: nothing copied goes between a person's computer and the desktop, either way"),
  BROWSER_VM_AUDIO: flag
    .default(false)
    .describe(
      'true: viewers may hear the desktop, each once its person asks for it; false: nothing in a VM plays a sound',
    ),
  BROWSER_VM_LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('least severe level written'),
  BROWSER_VM_TRUST_PROXY: flag.default(false).describe('believe X-Forwarded-* of a reverse proxy'),
  DATABASE_URL: z
    .string()
    .optional()
    .describe('postgres://…; absent: embedded PGlite in the state directory'),
  RATE_LIMIT_MAX_REQUESTS: z.coerce
    .number()
    .int()
    .min(1)
    .default(600)
    .describe('requests per client and minute'),
});
export type Configuration = z.infer<typeof configurationSchema>;
export type ConfigurationKey = keyof Configuration;

/** Where images, templates and secrets are, for programs that need no other key. */
export function stateDirectory(environment: Readonly<Record<string, string | undefined>>): string {
  return configurationSchema.shape.BROWSER_VM_STATE_DIR.parse(environment.BROWSER_VM_STATE_DIR);
}
