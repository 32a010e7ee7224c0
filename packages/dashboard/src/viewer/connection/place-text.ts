import type { SessionWait } from '@browser-vm/protocol';

/** `2 before you, about 14 s`. */
export function placeText({ ahead, expectedSeconds }: SessionWait): string {
  const place = ahead === 0 ? 'You are next' : `${ahead} before you`;
  if (expectedSeconds === null) return place;
  const about = expectedSeconds < 90 ? `${expectedSeconds} s` : `${Math.round(expectedSeconds / 60)} min`;
  return `${place}, about ${about}`;
}
