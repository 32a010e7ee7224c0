import { GUEST } from '@browser-vm/protocol';

/** Everything that differs between a guest and a test on a developer's machine. */
export interface AgentOptions {
  readonly agentVersion: string;
  /** Address and TCP port to listen on; port 0: any. */
  readonly listen: { readonly address: string; readonly port: number };
  /** The only address whose connections are answered. */
  readonly allowedPeer: string;
  /** Who runs display, browser and tools; never root. */
  readonly user: { readonly name: string; readonly uid: number; readonly gid: number; readonly home: string };
  /** X display number; its VNC server listens on `vncPort` of loopback and of the guest's interface. */
  readonly display: number;
  readonly vncPort: number;
  /** TCP: what the desktop plays, where it has sound. */
  readonly soundPort: number;
  /** What VNC server and sound bind: all addresses in a guest, whose firewall is the slot's. */
  readonly loopbackOnly: boolean;
  /** Directories searched for tools, in order, after the openers' own. */
  readonly toolPath: readonly string[];
  /** Executable files are made here, so not on a `noexec` mount. */
  readonly runtimeDirectory: string;
  readonly chromium: string;
  readonly chromiumPolicyDirectory: string;
  /** The bundle that tools read their certificate authorities from; extended by `prepare`. */
  readonly caBundle: string;
  /** May the agent change machine-wide things: clock, entropy, host name, machine id, time zone? */
  readonly ownsMachine: boolean;
  /** Milliseconds until display and browser must have painted. */
  readonly prepareTimeoutMs: number;
  /** Milliseconds a running browser may take to accept a page to open. */
  readonly openTimeoutMs: number;
  /** A line for the console of the VM; never secret. */
  readonly writeLine: (line: string) => void;
}

/** The options of the agent inside an image. */
export function guestOptions(agentVersion: string, user: AgentOptions['user']): AgentOptions {
  return {
    agentVersion,
    listen: { address: '0.0.0.0', port: GUEST.agentPort },
    allowedPeer: GUEST.gateway,
    user,
    display: 0,
    vncPort: GUEST.vncPort,
    soundPort: GUEST.sound.port,
    loopbackOnly: false,
    toolPath: ['/opt/browser-vm/providers/bin', '/usr/local/bin', '/usr/bin', '/bin'],
    runtimeDirectory: '/var/lib/browser-vm-agent',
    chromium: '/usr/bin/chromium',
    chromiumPolicyDirectory: '/etc/chromium/policies/managed',
    caBundle: '/etc/ssl/certs/ca-certificates.crt',
    ownsMachine: true,
    // Chromium paints after 20 to 29 s under emulation on an idle host; a loaded one is far slower.
    // Less than the 600 s that image check and template wait, so that they hear the reason.
    prepareTimeoutMs: 540_000,
    openTimeoutMs: 60_000,
    writeLine: (line) => process.stdout.write(`${line}\n`),
  };
}
