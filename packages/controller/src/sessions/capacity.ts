import { hostFull } from './errors.ts';

/** Counts VMs from before they start until they are gone. */
export interface Capacity {
  /** Throws `host_full` when every place is taken; returns how to give the place back, once. */
  take(): () => void;
}

export function createCapacity(maxVms: number): Capacity {
  let taken = 0;
  return {
    take() {
      if (taken >= maxVms) throw hostFull(maxVms);
      taken += 1;
      let given = false;
      return () => {
        if (!given) taken -= 1;
        given = true;
      };
    },
  };
}
