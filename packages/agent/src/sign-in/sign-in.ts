import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Credential, ProviderDescriptor } from '@browser-vm/protocol';
import type { EventLog } from '../events/event-log.ts';
import type { AgentOptions } from '../options.ts';
import { lastLines } from '../redact.ts';
import { asUser, cleanEnvironment } from '../user.ts';
import { CredentialFile } from './credential-file.ts';
import { credentialIncomplete, statusRefused, timedOut, toolFailed, toolMissing } from './faults.ts';
import { Opener } from './opener.ts';
import { belowHome, writePreparedFiles } from './prepared-files.ts';
import { askStatus } from './status.ts';
import { Terminal } from './terminal.ts';
import { describeOrigin, findSignInUrl, matchSignInUrl } from './url-match.ts';

export interface SignInParts {
  readonly options: AgentOptions;
  readonly provider: ProviderDescriptor;
  /** In addition to the clean one: certificates, time zone. */
  readonly environment: Readonly<Record<string, string>>;
  readonly events: EventLog;
  readonly open: (url: string) => Promise<void>;
}

/** Milliseconds after a URL was printed until it is opened, where the provider allows that: the opener goes first. */
const OUTPUT_GRACE = 20_000;

/** One run of a provider's login. */
export class SignIn {
  readonly #parts: SignInParts;
  readonly #stopping = new AbortController();
  #terminal: Terminal | null = null;
  #outputTimer: NodeJS.Timeout | null = null;
  #opened = false;
  /** Rejects when the browser does not open the sign-in page: nobody could sign in. */
  readonly #unopened = Promise.withResolvers<never>();

  constructor(parts: SignInParts) {
    belowHome(parts.provider.credential.path);
    for (const { path } of parts.provider.login.prepareFiles) belowHome(path);
    this.#parts = parts;
    // It may reject when the tool has ended already.
    this.#unopened.promise.catch(() => undefined);
  }

  /**
   * Resolves when the tool ended well, its file holds what is required, and its status command agrees.
   * Rejects with `tool_missing`, `tool_failed`, `sign_in_denied`, `sign_in_timeout`,
   * `credential_incomplete` or `status_refused`, or with what opening the sign-in page rejects with.
   */
  async run(): Promise<Credential> {
    const { options, provider, events } = this.#parts;
    await writePreparedFiles(options.user, provider.login.prepareFiles);
    const opener = new Opener(options, (text) => this.#caught(text));
    const file = new CredentialFile(options.user.home, provider.credential, () =>
      events.append({ type: 'credential_seen' }),
    );
    try {
      const env = this.#environment(opener);
      requireTool(provider, env.PATH ?? '');
      const ended = await this.#runTool(env);
      if (ended.signal > 0 || !provider.login.exitCodes.includes(ended.exitCode)) {
        throw toolFailed(provider, ended, this.#terminal?.output ?? '');
      }
      const reading = await file.read();
      if (!reading.ok) throw credentialIncomplete(provider, reading.why);
      await this.#askTool(env);
      return reading.credential;
    } finally {
      if (this.#outputTimer !== null) clearTimeout(this.#outputTimer);
      file.close();
      opener.close();
      await this.#terminal?.stop();
    }
  }

  /** Ends the tool; `run` then rejects. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the sign-in was stopped'));
    await this.#terminal?.stop();
  }

  #environment(opener: Opener): Record<string, string> {
    const { options, provider, environment } = this.#parts;
    const clean = cleanEnvironment(options);
    return {
      ...clean,
      TERM: 'xterm-256color',
      // Tools differ in what they look at: this variable, xdg-open on PATH, or whether DISPLAY is set.
      BROWSER: opener.program,
      ...environment,
      ...provider.login.env,
      PATH: [opener.directory, clean.PATH].join(delimiter),
    };
  }

  async #runTool(env: Record<string, string>): Promise<Awaited<Terminal['ended']>> {
    const { options, provider, events } = this.#parts;
    const terminal = new Terminal(
      asUser(options.user, provider.login.argv),
      env,
      options.user.home,
      provider.login.answers,
      () => this.#printed(),
    );
    this.#terminal = terminal;
    events.append({ type: 'login_started' });
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => timeout.reject(timedOut(provider)), provider.login.timeoutSeconds * 1000);
    try {
      return await Promise.race([terminal.ended, timeout.promise, this.#unopened.promise]);
    } finally {
      clearTimeout(timer);
      for (const line of lastLines(terminal.output, 20)) this.#log('debug', `${provider.tool}: ${line}`);
    }
  }

  async #askTool(env: Record<string, string>): Promise<void> {
    const { options, provider } = this.#parts;
    if (provider.status === null) return;
    const answer = await askStatus(
      asUser(options.user, provider.status.argv),
      env,
      options.user.home,
      this.#stopping.signal,
    );
    if (answer.exitCode !== provider.status.exitCode) {
      throw statusRefused(provider, answer.exitCode, answer.lastLines);
    }
  }

  #caught(text: string): void {
    if (matchSignInUrl(text, this.#parts.provider.opener.urlPatterns) === null) {
      this.#log('info', `not opened: ${describeOrigin(text)} is not the sign-in page`);
      return;
    }
    this.#open(text);
  }

  #printed(): void {
    const { opener } = this.#parts.provider;
    if (!opener.fallbackToOutput || this.#opened || this.#outputTimer !== null) return;
    if (findSignInUrl(this.#terminal?.output ?? '', opener.urlPatterns) === null) return;
    this.#outputTimer = setTimeout(() => {
      // Read again: the URL may have been cut off when its first part was printed.
      const url = findSignInUrl(this.#terminal?.output ?? '', opener.urlPatterns);
      if (url !== null) this.#open(url);
    }, OUTPUT_GRACE);
  }

  #open(url: string): void {
    if (this.#opened) {
      this.#log('info', `not opened again: ${describeOrigin(url)}`);
      return;
    }
    this.#opened = true;
    this.#parts.open(url).then(
      () => this.#parts.events.append({ type: 'url_opened', origin: describeOrigin(url) }),
      (error: unknown) => this.#unopened.reject(error),
    );
  }

  #log(level: 'debug' | 'info' | 'error', message: string): void {
    this.#parts.events.append({ type: 'log', level, message });
  }
}

function requireTool(provider: ProviderDescriptor, path: string): void {
  const name = provider.login.argv[0] ?? '';
  const candidates = name.startsWith('/') ? [name] : path.split(delimiter).map((part) => join(part, name));
  if (!candidates.some(isExecutable)) throw toolMissing(provider, path);
}

function isExecutable(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
