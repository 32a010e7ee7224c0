import { GUEST } from '@browser-vm/protocol';
import type { Link } from './link.ts';
import { hostLinkOf, TAP, UPLINK } from './names.ts';

/** Port of the guests' resolver on the host's end of each slot's wire. */
export const RESOLVER_PORT = 5300;

/**
 * Where a guest may not go: this network, private ranges, carrier NAT, loopback, link-local with the clouds'
 * metadata, protocol assignments, benchmarking, multicast, reserved and broadcast. RFC 6890. The ranges kept
 * for documentation are not among them: they are nobody's, and tests use them as the internet.
 */
export const FORBIDDEN = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/4',
  '240.0.0.0/4',
] as const;

const GUEST_PORTS = `{ ${GUEST.agentPort}, ${GUEST.vncPort}, ${GUEST.sound.port} }`;

/** Inside the slot's namespace: what passes between guest, host and world. One transaction. */
export function namespaceRules(link: Link, subnet: string): string {
  return `
table ip bvm {
  set forbidden { type ipv4_addr; flags interval; auto-merge; elements = { ${[...FORBIDDEN, subnet].join(', ')} } }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "${UPLINK}" ip saddr ${link.host} ip daddr ${link.slot} tcp dport ${GUEST_PORTS} counter dnat to ${GUEST.address}
    iifname "${TAP}" ip daddr ${GUEST.gateway} meta l4proto { tcp, udp } th dport 53 counter dnat to ${link.host}:${RESOLVER_PORT}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "${TAP}" ip saddr ${link.host} snat to ${GUEST.gateway}
    oifname "${UPLINK}" ip saddr ${GUEST.address} snat to ${link.slot}
  }
  chain input {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state established,related accept
    iifname "${TAP}" ip saddr ${GUEST.address} icmp type echo-request accept
    iifname "${TAP}" counter reject comment "guest to its gateway"
    counter comment "dropped for the slot itself"
  }
  chain output {
    type filter hook output priority filter; policy drop;
    oifname "lo" accept
    ct state established,related accept
    oifname "${TAP}" ip daddr ${GUEST.address} accept
    icmp type { destination-unreachable, time-exceeded } accept
    counter comment "dropped from the slot itself"
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state invalid counter drop
    ct state established,related counter accept comment "answers"
    iifname "${UPLINK}" oifname "${TAP}" ct status dnat counter accept comment "host to guest"
    iifname "${TAP}" ip saddr != ${GUEST.address} counter drop comment "not the guest's address"
    iifname "${TAP}" oifname "${UPLINK}" ct status dnat ip daddr ${link.host} limit rate 300/second burst 300 packets counter accept comment "resolver"
    iifname "${TAP}" ip daddr @forbidden counter reject with icmp type admin-prohibited comment "forbidden to the guest"
    iifname "${TAP}" oifname "${UPLINK}" counter accept comment "guest to the internet"
    counter comment "dropped"
  }
}
`;
}

/** On the host's end: a table of the slot's own, removed with it. One transaction. */
export function hostRules(
  table: string,
  index: number,
  link: Link,
  options: { readonly subnet: string; readonly users: readonly number[] },
): string {
  const wire = hostLinkOf(index);
  return `
table ip ${table} {
  set forbidden { type ipv4_addr; flags interval; auto-merge; elements = { ${[...FORBIDDEN, options.subnet].join(', ')} } }
  chain input {
    type filter hook input priority filter - 10; policy accept;
    iifname "${wire}" ct state established,related accept
    iifname "${wire}" ip saddr ${link.slot} ip daddr ${link.host} meta l4proto { tcp, udp } th dport ${RESOLVER_PORT} counter accept comment "resolver"
    iifname "${wire}" counter reject comment "guest to host"
    iifname != "lo" ip daddr ${link.host} counter drop comment "others to the resolver"
  }
  chain output {
    type filter hook output priority filter - 10; policy accept;
    oifname "${wire}" ct state established,related accept
    oifname "${wire}" meta skuid != { ${options.users.join(', ')} } counter reject comment "other users of the host"
  }
  chain forward {
    type filter hook forward priority filter - 10; policy accept;
    oifname "${wire}" ct state established,related accept
    oifname "${wire}" counter drop comment "others to the guest"
    iifname "${wire}" ip daddr @forbidden counter drop comment "forbidden to the guest"
    iifname "${wire}" counter comment "guest to the internet"
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${link.slot} oifname != "${wire}" counter masquerade
  }
}
`;
}
