import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { INTERNET } from '../../world/addresses.ts';
import { repositoryRoot } from './controller-process.ts';

const readySchema = z.object({ user: z.object({ name: z.string(), password: z.string() }) });
const logLineSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('request') }),
  z.looseObject({ type: z.literal('tokens'), accessToken: z.string(), refreshToken: z.string().optional() }),
]);

/** The test identity provider, in the namespace that plays the internet. */
export interface IdentityProviderProcess {
  readonly caFile: string;
  readonly user: { readonly name: string; readonly password: string };
  /** Every token it ever issued. */
  issuedTokens(): Promise<string[]>;
  close(): Promise<void>;
}

export interface IdentityProviderPage {
  /** HTML to show instead of the page that asks for name and password. */
  readonly page?: string;
}

/** Its certificate authority is kept between runs, so that a template that trusts it can be kept too. */
export async function startIdentityProvider(
  keepDirectory: string,
  { page }: IdentityProviderPage = {},
): Promise<IdentityProviderProcess> {
  const namespace = process.env.BROWSER_VM_TEST_INTERNET;
  if (namespace === undefined) throw new Error('run this inside a world: node test/world/main.ts ...');
  await mkdir(keepDirectory, { recursive: true, mode: 0o755 });
  const directory = await mkdtemp(path.join(os.tmpdir(), 'browser-vm-idp-'));
  const caFile = path.join(directory, 'ca.pem');
  const logFile = path.join(directory, 'issued.jsonl');
  const pageFile = path.join(directory, 'page.html');
  if (page !== undefined) await writeFile(pageFile, page);
  const child = spawn(
    'ip',
    [
      'netns',
      'exec',
      namespace,
      process.execPath,
      'test/identity-provider/main.ts',
      '--address',
      INTERNET.address,
      '--authority',
      path.join(keepDirectory, 'authority.json'),
      '--ca-out',
      caFile,
      '--log',
      logFile,
      ...(page === undefined ? [] : ['--page', pageFile]),
    ],
    { cwd: repositoryRoot, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const ready = await new Promise<z.infer<typeof readySchema>>((resolve, reject) => {
    child.once('close', (code) => reject(new Error(`the identity provider ended with ${code}`)));
    createInterface({ input: child.stdout }).once('line', (line) =>
      resolve(readySchema.parse(JSON.parse(line))),
    );
  });
  return {
    caFile,
    user: ready.user,
    async issuedTokens() {
      const lines = (await readFile(logFile, 'utf8')).split('\n').filter((line) => line !== '');
      return lines
        .map((line) => logLineSchema.parse(JSON.parse(line)))
        .flatMap((entry) => (entry.type === 'tokens' ? [entry.accessToken, entry.refreshToken ?? ''] : []));
    },
    async close() {
      child.kill('SIGTERM');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
