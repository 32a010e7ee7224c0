/** Characters; no sign-in URL comes near. */
const MAX_URL = 16_384;

/** The URL when it is one the browser may be sent to: http or https, and one of the patterns matches. */
export function matchSignInUrl(text: string, patterns: readonly string[]): URL | null {
  const url = parseWebUrl(text);
  if (url === null) return null;
  return patterns.some((pattern) => new RegExp(pattern).test(text)) ? url : null;
}

/** What a log may say of a URL. */
export function describeOrigin(text: string): string {
  return parseWebUrl(text)?.origin ?? 'something that is no web address';
}

/** The first matching URL printed on a terminal. */
export function findSignInUrl(output: string, patterns: readonly string[]): string | null {
  for (const [text] of output.matchAll(/https?:\/\/[\x21-\x7e]+/g)) {
    if (matchSignInUrl(text, patterns) !== null) return text;
  }
  return null;
}

function parseWebUrl(text: string): URL | null {
  // One word of printable ASCII: anything else was not made by a tool for a browser.
  if (text.length > MAX_URL || !/^[\x21-\x7e]+$/.test(text)) return null;
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:') ? url : null;
}
