/** RFC 5737 TEST-NET-3: belongs to no one, so it can play the internet. */
export const WORLD = { address: '203.0.113.1', prefixLength: 24 } as const;
export const INTERNET = { address: '203.0.113.10', prefixLength: 24 } as const;
