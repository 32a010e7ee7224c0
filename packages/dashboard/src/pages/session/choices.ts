/** What this person chose for every desktop; the browser remembers it. */
export const CHOICES = {
  /** The desktop keeps its own size. */
  fixedSize: 'browser-vm-fixed-size',
  /** Fingers move the pointer, as on a trackpad. */
  trackpad: 'browser-vm-trackpad',
} as const;

export function isChosen(choice: (typeof CHOICES)[keyof typeof CHOICES]): boolean {
  try {
    return localStorage.getItem(choice) === 'true';
  } catch {
    // Where storage is forbidden, nothing is remembered.
    return false;
  }
}

export function choose(choice: (typeof CHOICES)[keyof typeof CHOICES], chosen: boolean): void {
  try {
    localStorage.setItem(choice, String(chosen));
  } catch {
    // As above.
  }
}
