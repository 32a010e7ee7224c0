const KEY = 'browser-vm-fixed-size';

/** Did this person choose a desktop that keeps its own size? */
export function wantsFixedSize(): boolean {
  try {
    return localStorage.getItem(KEY) === 'true';
  } catch {
    // Where storage is forbidden, nothing is remembered.
    return false;
  }
}

export function keepFixedSize(fixed: boolean): void {
  try {
    localStorage.setItem(KEY, String(fixed));
  } catch {
    // As above.
  }
}
