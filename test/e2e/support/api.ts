import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  hostResponseSchema,
  isTerminal,
  type Session,
  type SessionEvent,
  sessionEventSchema,
  sessionSchema,
  startResponseSchema,
} from '@browser-vm/protocol';
import type { z } from 'zod';
import type { ControllerProcess } from './controller-process.ts';

/** The API as its operator calls it. */
export class Api {
  readonly #url: string;
  readonly #token: string;

  private constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  static async of(controller: ControllerProcess): Promise<Api> {
    const file = path.join(controller.environment.BROWSER_VM_STATE_DIR ?? '', 'secrets/api-token');
    return new Api(controller.url, (await readFile(file, 'utf8')).trim());
  }

  async start(userId: string, provider: string): Promise<string> {
    const answer = await this.#call('POST', '/api/auth/start', { userId, provider });
    return startResponseSchema.parse(answer).sessionId;
  }

  /** Address and protocols of a connection to its desktop by VNC. */
  vnc(sessionId: string): [url: URL, protocols: string[]] {
    const url = new URL(`/api/vnc/session/${sessionId}`, this.#url);
    url.protocol = 'ws:';
    return [url, ['binary', `bearer.${this.#token}`]];
  }

  async session(sessionId: string): Promise<Session> {
    return sessionSchema.parse(await this.#call('GET', `/api/auth/session/${sessionId}`));
  }

  async host(): Promise<z.infer<typeof hostResponseSchema>> {
    return hostResponseSchema.parse(await this.#call('GET', '/api/host'));
  }

  async cancel(sessionId: string): Promise<Session> {
    return sessionSchema.parse(await this.#call('POST', `/api/auth/session/${sessionId}/cancel`, {}));
  }

  /** What the host says that it has, uses, and has room for. */
  async hostUsage() {
    return hostResponseSchema.parse(await this.#call('GET', '/api/host')).usage;
  }

  /** Waits until the session is in one of the states, or in a terminal one. */
  async waitFor(sessionId: string, states: readonly string[], limitMs = 180_000): Promise<Session> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      const session = await this.session(sessionId);
      if (states.includes(session.status) || isTerminal(session.status)) return session;
      if (Date.now() > deadline) throw new Error(`session ${sessionId} stays ${session.status}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  /**
   * What happened in a session, as it comes: up to the first event that `until` accepts, or all of it, which
   * ends when nothing of an ended session is left.
   */
  async history(sessionId: string, until?: (event: SessionEvent) => boolean): Promise<SessionEvent[]> {
    const response = await fetch(new URL(`/api/auth/session/${sessionId}/events`, this.#url), {
      headers: { authorization: `Bearer ${this.#token}` },
    });
    if (!response.ok || response.body === null) throw new Error(`events of ${sessionId}: ${response.status}`);
    const events: SessionEvent[] = [];
    let text = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        if (!block.startsWith('event: session\n')) continue;
        const event = sessionEventSchema.parse(JSON.parse(block.slice(block.indexOf('data: ') + 6)));
        events.push(event);
        if (until?.(event)) return events;
      }
    }
    return events;
  }

  async #call(method: string, route: string, body?: unknown): Promise<unknown> {
    const response = await fetch(new URL(route, this.#url), {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  }
}
