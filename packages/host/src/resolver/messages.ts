import { z } from 'zod';

/** What the host tells the resolver process, over Node's IPC channel. */
export const resolverCommandSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('configure'),
    records: z.array(z.strictObject({ name: z.string(), address: z.ipv4() })),
    upstreams: z.array(z.string()).describe('addresses, asked on port 53'),
  }),
  z.strictObject({ type: z.literal('listen'), address: z.ipv4() }),
  z.strictObject({ type: z.literal('unlisten'), address: z.ipv4() }),
]);
export type ResolverCommand = z.infer<typeof resolverCommandSchema>;

export const resolverEventSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({ type: z.literal('listening'), address: z.ipv4() }),
  z.strictObject({ type: z.literal('refused'), address: z.ipv4(), message: z.string() }),
]);
export type ResolverEvent = z.infer<typeof resolverEventSchema>;
export type ResolverConfiguration = Omit<Extract<ResolverCommand, { type: 'configure' }>, 'type'>;
