import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { run } from './run.ts';

/** Debian's public addresses, for a host whose own apt knows no Debian. */
const PUBLIC_ARCHIVE = 'http://deb.debian.org/debian';
const PUBLIC_SECURITY = 'http://deb.debian.org/debian-security';

export interface AptEntry {
  readonly uri: string;
  readonly suite: string;
}

/** Reads both formats of apt's source lists: one entry per address and suite, binary packages only. */
export function parseAptSources(text: string, format: 'list' | 'deb822'): AptEntry[] {
  return format === 'list' ? parseOneLineFormat(text) : parseDeb822(text);
}

function parseOneLineFormat(text: string): AptEntry[] {
  const entries: AptEntry[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line);
    if (match) entries.push({ uri: match[1]!, suite: match[2]! });
  }
  return entries;
}

function parseDeb822(text: string): AptEntry[] {
  const entries: AptEntry[] = [];
  const withoutComments = text.replaceAll(/^#.*\n?/gm, '');
  for (const stanza of withoutComments.split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    for (const match of stanza.matchAll(/^([A-Za-z-]+):(.*(?:\n[ \t].*)*)/gm)) {
      fields.set(match[1]!.toLowerCase(), match[2]!);
    }
    const words = (name: string) => (fields.get(name) ?? '').split(/\s+/).filter((word) => word !== '');
    if (fields.get('enabled')?.trim() === 'no' || !words('types').includes('deb')) continue;
    for (const uri of words('uris')) for (const suite of words('suites')) entries.push({ uri, suite });
  }
  return entries;
}

/**
 * The source lines of `suite`, from the mirrors this host's own apt uses for its own Debian release
 * `hostSuite`; Debian's public address where it uses none that a build can reach.
 */
export function debianSources(
  host: readonly AptEntry[],
  hostSuite: string,
  suite: string,
  components: readonly string[],
): string[] {
  const reachable = host.filter(({ uri }) => /^https?:/.test(uri));
  const archive = reachable.find((entry) => entry.suite === hostSuite)?.uri ?? PUBLIC_ARCHIVE;
  const security = reachable.find((entry) => entry.suite === `${hostSuite}-security`)?.uri ?? PUBLIC_SECURITY;
  const line = (uri: string, name: string) => `deb ${uri} ${name} ${components.join(' ')}`;
  return [line(archive, suite), line(archive, `${suite}-updates`), line(security, `${suite}-security`)];
}

export async function readHostSources(): Promise<{ entries: AptEntry[]; hostSuite: string }> {
  const entries: AptEntry[] = [];
  const directory = '/etc/apt/sources.list.d';
  const listed = await readdir(directory).catch(() => []);
  for (const file of ['/etc/apt/sources.list', ...listed.sort().map((name) => path.join(directory, name))]) {
    const format = file.endsWith('.list') ? 'list' : file.endsWith('.sources') ? 'deb822' : null;
    const text = format === null ? null : await readFile(file, 'utf8').catch(() => null);
    if (format !== null && text !== null) entries.push(...parseAptSources(text, format));
  }
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return { entries, hostSuite: /^VERSION_CODENAME=["']?([a-z]+)/m.exec(release)?.[1] ?? '' };
}

/** How this host's apt reaches its mirrors (proxies, retries, dates), to be used for the build alone. */
export async function readHostAptOptions(signal?: AbortSignal): Promise<string[]> {
  const dump = await run('apt-config', ['dump', 'Acquire'], signal ? { signal } : {});
  return dump
    .split('\n')
    .filter(
      (line) => /^Acquire::(https?::|Check-|Retries|Max-ValidTime)/.test(line) && !line.endsWith(' "";'),
    );
}
