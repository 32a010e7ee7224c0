import type { Configuration } from '@browser-vm/protocol';
import { type Logger, pino } from 'pino';
import { errorForLog, requestForLog } from './serializers.ts';

/** Never written, at whatever of the first three levels of an entry a caller puts them. */
const SECRET_KEYS = [
  'authorization',
  'cookie',
  'set-cookie',
  'sec-websocket-protocol',
  'token',
  'apiToken',
  'viewerToken',
  'viewerUrl',
  'credential',
  'iceServers',
  'content',
  'jwe',
  'password',
  'sdp',
];

/** JSON lines on standard output (or `destination`), without secrets. */
export function createLogger(
  configuration: Pick<Configuration, 'BROWSER_VM_LOG_LEVEL'>,
  destination?: { write(line: string): void },
): Logger {
  const options = {
    level: configuration.BROWSER_VM_LOG_LEVEL,
    redact: { paths: SECRET_KEYS.flatMap(atEachLevel), censor: '[redacted]' },
    serializers: { err: errorForLog, req: requestForLog },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

function atEachLevel(key: string): string[] {
  const quoted = `["${key}"]`;
  return [quoted, `*${quoted}`, `*.*${quoted}`];
}
