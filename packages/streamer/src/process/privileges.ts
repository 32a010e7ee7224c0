/** Ids as the environment gives them. */
function id(name: string): number | null {
  const text = process.env[name];
  if (text === undefined || text === '') return null;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1 || value > 0xffff_fffe) {
    throw new Error(`${name} must be a user or group id above 0`);
  }
  return value;
}

/**
 * Becomes BROWSER_VM_STREAMER_UID and _GID for good, when they are given: all threads, no other groups.
 * Everything that is loaded from disk must be loaded before. Throws when anything of it does not hold.
 */
export function dropPrivileges(): void {
  const uid = id('BROWSER_VM_STREAMER_UID');
  const gid = id('BROWSER_VM_STREAMER_GID');
  if (uid === null && gid === null) return;
  if (uid === null || gid === null) {
    throw new Error('BROWSER_VM_STREAMER_UID and BROWSER_VM_STREAMER_GID are given together or not at all');
  }
  process.setgroups?.([]);
  process.setgid?.(gid);
  process.setuid?.(uid);
  const now = [process.getuid?.(), process.geteuid?.(), process.getgid?.(), process.getegid?.()];
  if (now.join() !== [uid, uid, gid, gid].join()) throw new Error('privileges were not dropped');
  if (process.getgroups?.().some((group) => group !== gid) === true) {
    throw new Error('groups were not dropped');
  }
  for (const regain of [() => process.setuid?.(0), () => process.setgid?.(0)]) {
    let regained = true;
    try {
      regain();
    } catch {
      regained = false;
    }
    if (regained) throw new Error('dropped privileges could be regained');
  }
}
