import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AGENT_CONTRACT_VERSION, type AgentHealth, agentHealthSchema, GUEST } from '@browser-vm/protocol';
import { checkAgent, type Expected } from '../src/agent-client/agent-client.ts';

const expected: Expected = {
  agentVersion: '3c4d',
  commandLine: 'console=ttyS0 quiet',
  address: GUEST.address,
};

const healthy: AgentHealth = agentHealthSchema.parse({
  contractVersion: AGENT_CONTRACT_VERSION,
  agentVersion: '3c4d',
  commandLine: 'console=ttyS0 quiet',
  address: GUEST.address,
  state: 'prepared',
  stages: [],
  memoryTotalMb: 1024,
  unixTimeMs: 0,
  fault: null,
});

test('an agent that is as the host made it is accepted', () => {
  checkAgent(healthy, expected);
});

for (const [what, change, code, message] of [
  [
    'a contract of another version',
    { contractVersion: '0' },
    'agent_version_mismatch',
    `image agent speaks contract 0, controller ${AGENT_CONTRACT_VERSION}`,
  ],
  [
    'another version of the agent',
    { agentVersion: '1a2b' },
    'agent_version_mismatch',
    'image agent 1a2b, controller 3c4d',
  ],
  [
    'a kernel argument that never arrived',
    { commandLine: 'console=ttyS0' },
    'guest_command_line_differs',
    `the guest's kernel got "console=ttyS0", not "console=ttyS0 quiet"`,
  ],
  [
    'another address than the allocated one',
    { address: '192.0.2.9' },
    'guest_address_differs',
    `the guest has address 192.0.2.9, not ${GUEST.address}`,
  ],
  [
    'no address at all',
    { address: '' },
    'guest_address_differs',
    `the guest has address none, not ${GUEST.address}`,
  ],
] as const) {
  test(`${what} is refused, naming both`, () => {
    assert.throws(() => checkAgent({ ...healthy, ...change }, expected), { code, message });
  });
}
