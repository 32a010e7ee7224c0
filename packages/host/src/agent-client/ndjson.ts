import type { IncomingMessage } from 'node:http';
import { BrowserVmError } from '@browser-vm/protocol';

/** Characters; an event with a whole fault stays far below. */
const MAX_LINE = 65_536;

/** Values of newline-delimited JSON as they arrive. A broken connection is `agent_unreachable`. */
export async function* ndjson(response: IncomingMessage): AsyncGenerator<unknown, void, void> {
  response.setEncoding('utf8');
  let rest = '';
  try {
    for await (const text of response as AsyncIterable<string>) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE) throw bad('a line that does not end');
      for (const line of lines) if (line !== '') yield parse(line);
    }
  } catch (error) {
    if (error instanceof BrowserVmError) throw error;
    throw new BrowserVmError(
      { code: 'agent_unreachable', message: `events: ${(error as Error).message}`, hop: 'agent' },
      { cause: error },
    );
  } finally {
    response.destroy();
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw bad('a line that is no JSON');
  }
}

function bad(what: string): BrowserVmError {
  return new BrowserVmError({
    code: 'agent_not_json',
    message: `events: the agent sent ${what}`,
    hop: 'agent',
  });
}
