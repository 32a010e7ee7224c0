import type { Credential, ProviderDescriptor } from '@browser-vm/protocol';
import type { EventLog } from '../events/event-log.ts';
import type { AgentOptions } from '../options.ts';

export interface SignInParts {
  readonly options: AgentOptions;
  readonly provider: ProviderDescriptor;
  readonly environment: Readonly<Record<string, string>>;
  readonly events: EventLog;
  readonly open: (url: string) => Promise<void>;
}

export class SignIn {
  constructor(_parts: SignInParts) {}
  async run(): Promise<Credential> {
    throw new Error('not yet');
  }
  async stop(): Promise<void> {}
}
