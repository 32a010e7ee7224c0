/**
 * Facts every guest shares. Each VM has a wire of its own (a slot), so all have the same address
 * and a clone of a template needs no change.
 */
export const GUEST = {
  address: '192.168.100.2',
  gateway: '192.168.100.1',
  prefixLength: 24,
  /** Locally administered; the same in each guest. */
  macAddress: '02:00:c0:a8:64:02',
  hostname: 'browser-vm',
  /** TCP, HTTP/1.1; the agent answers the gateway's address alone. */
  agentPort: 4100,
  /** TCP, RFB 3.8 without security: only the host can reach it. */
  vncPort: 5900,
  /** TCP: what the desktop plays as it comes, PCM of 16 bits, little-endian, without a header. Only the host can reach it. */
  sound: { port: 4711, samplesPerSecond: 48_000, channels: 1 },
  /** Pixels. */
  display: { width: 1280, height: 720 },
} as const;

/** Changes when host and agent must refuse each other; part of the image manifest. */
export const AGENT_CONTRACT_VERSION = '1';
