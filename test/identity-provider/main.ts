/**
 * The identity provider as a program, for a test that runs it in a network namespace of its own:
 *
 *     node test/identity-provider/main.ts --address ADDRESS [--port 443] [--host-name NAME]…
 *       [--authority FILE] [--ca-out FILE] [--log FILE] [--page FILE]
 *
 * Prints one JSON line when it listens: `{address, port, user}`. `--authority` names a JSON file with the
 * certificate authority, made when absent, so that a later run has the same one. `--ca-out` gets its
 * certificate. `--log` gets a JSON line per request (`{type: "request", …}`) and per issue of tokens
 * (`{type: "tokens", idToken, accessToken, refreshToken}`). `--page` names HTML to show instead of the page that
 * asks for name and password. Ends on SIGTERM or SIGINT.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Authority, makeAuthority, startIdentityProvider } from './index.ts';

const { values } = parseArgs({
  options: {
    address: { type: 'string' },
    port: { type: 'string', default: '443' },
    'host-name': { type: 'string', multiple: true, default: ['auth.openai.com'] },
    authority: { type: 'string' },
    'ca-out': { type: 'string' },
    log: { type: 'string' },
    page: { type: 'string' },
  },
});
if (values.address === undefined) throw new Error('--address is missing');

async function authority(file: string | undefined): Promise<Authority> {
  if (file !== undefined && existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Authority;
  const made = await makeAuthority();
  if (file !== undefined) writeFileSync(file, JSON.stringify(made), { mode: 0o600 });
  return made;
}

const log = (entry: object): void => {
  if (values.log !== undefined) appendFileSync(values.log, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
};

const provider = await startIdentityProvider({
  address: values.address,
  port: Number(values.port),
  hostNames: values['host-name'],
  authority: await authority(values.authority),
  ...(values.page !== undefined && { page: readFileSync(values.page, 'utf8') }),
  onRequest: (request) => log({ type: 'request', ...request }),
  onTokens: (tokens) => log({ type: 'tokens', ...tokens }),
});
if (values['ca-out'] !== undefined) writeFileSync(values['ca-out'], provider.caCertificate);
console.log(JSON.stringify({ address: values.address, port: provider.port, user: provider.user }));

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void provider.close());
