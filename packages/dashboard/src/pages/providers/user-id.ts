import { userIdSchema } from '@browser-vm/protocol';

const STORAGE_KEY = 'browser-vm.user';
/** Whose sign-ins the page shows until someone says otherwise. */
export const DEFAULT_USER_ID = 'operator';

/** The user the page is about: the address names it, else the last one used here, else the default. */
export function chooseUserId(fromAddress: string | null, remembered: string | null): string {
  return [fromAddress, remembered].find((id) => id !== null && isUserId(id)) ?? DEFAULT_USER_ID;
}

export function isUserId(text: string): boolean {
  return userIdSchema.safeParse(text).success;
}

export function rememberedUserId(): string | null {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}

export function rememberUserId(userId: string): void {
  try {
    localStorage.setItem(STORAGE_KEY, userId);
  } catch {
    // A browser that keeps nothing still has the address.
  }
}
