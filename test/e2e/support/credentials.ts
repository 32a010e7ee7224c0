import { openCredentialStore } from '@browser-vm/controller';

/** Decrypts everything in the vault of a controller that has stopped, with its own key. */
export async function openCredentials(
  stateDir: string,
): Promise<Array<{ userId: string; provider: string; content: string }>> {
  const store = await openCredentialStore({ stateDir });
  try {
    return await store.readAll();
  } finally {
    await store.close();
  }
}
