import type { StreamerCommand } from '@browser-vm/protocol';

export type StreamerConfiguration = Omit<Extract<StreamerCommand, { type: 'configure' }>, 'type'>;

/** Until the host says otherwise. */
export const DEFAULT_CONFIGURATION: StreamerConfiguration = {
  iceServers: [],
  udpPortRange: null,
  announcedAddresses: [],
  hiddenSubnets: [],
  offeredSubnets: null,
  iceTcp: false,
  maxKbps: 30_000,
  minFrameIntervalMs: 25,
};
