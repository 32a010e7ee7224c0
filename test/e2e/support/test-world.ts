import { INTERNET } from '../../world/addresses.ts';
import { KEEP } from './controller-process.ts';
import {
  type IdentityProviderPage,
  type IdentityProviderProcess,
  startIdentityProvider,
} from './identity-provider-process.ts';

/** The identity provider, and the configuration of a controller whose guests find and trust it. */
export interface TestWorld {
  readonly identityProvider: IdentityProviderProcess;
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function startWorld(options: IdentityProviderPage = {}): Promise<TestWorld> {
  const identityProvider = await startIdentityProvider(KEEP, options);
  return {
    identityProvider,
    environment: {
      BROWSER_VM_CA_CERTIFICATES: identityProvider.caFile,
      BROWSER_VM_HOST_RECORDS: `auth.openai.com=${INTERNET.address}`,
    },
    close: () => identityProvider.close(),
  };
}
