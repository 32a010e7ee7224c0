import { tooManySessions } from './errors.ts';

/** Counts each user's sessions from before they start until their VMs are gone. */
export interface UserLimit {
  /** Throws `user_limit` when the user has as many as allowed; returns how to count one less, once. */
  take(userId: string): () => void;
}

export function createUserLimit(most = Number.POSITIVE_INFINITY): UserLimit {
  const open = new Map<string, number>();
  return {
    take(userId) {
      const count = open.get(userId) ?? 0;
      if (count >= most) throw tooManySessions(userId, most);
      open.set(userId, count + 1);
      let given = false;
      return () => {
        if (given) return;
        given = true;
        const left = (open.get(userId) ?? 1) - 1;
        if (left === 0) open.delete(userId);
        else open.set(userId, left);
      };
    },
  };
}
