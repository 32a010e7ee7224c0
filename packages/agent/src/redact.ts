import { stripVTControlCharacters } from 'node:util';

/** Longer runs of these characters are keys, codes or tokens, not words. */
const SECRET = /[\w.~+/=-]{32,}/g;
const URL_WITH_DETAILS = /\b([a-z][a-z0-9+.-]*:\/\/)(?:[^\s/?#@]*@)?([^\s/?#]+)([^\s?#]*)[?#]\S*/gi;

/** Terminal output fit for a log: no control characters, no URL's query, nothing that may be a token. */
export function redact(text: string): string {
  return stripVTControlCharacters(text)
    .replace(URL_WITH_DETAILS, '$1$2$3?…')
    .replace(SECRET, (run) => (/^[a-z/.-]+$/.test(run) ? run : '…'));
}

/** The last lines of a terminal that say something, redacted. */
export function lastLines(output: string, count: number): string[] {
  return redact(output)
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(-count)
    .map((line) => line.slice(0, 300));
}
