import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Vm } from '../drivers/driver.ts';
import type { PictureInMemory } from '../session-vm/picture-in-memory.ts';
import type { Slot } from '../slot/slot.ts';
import type { StreamerProcess } from '../streamer-process/streamer-process.ts';
import type { RunnableTemplate } from '../template/template.ts';

/** What waits answers within a millisecond or two; on a busy host later. Milliseconds. */
const ANSWER_LIMIT = 500;

/** A slot made ahead for a VM that nobody has asked for yet, and what already stands in it. */
export class Prepared {
  /** Of the VM that will run here; names its directory and its group from the start. */
  readonly vmId: string;
  readonly slot: Slot;
  /** Whose picture and state streamer and VM hold; null while there is neither. */
  template: RunnableTemplate | null = null;
  streamer: StreamerProcess | null = null;
  /** Paused, and nobody's yet. */
  vm: Vm | null = null;
  /** Of the streamer and the VM that stand here; null while there are not both, or it is not to be read. */
  picture: PictureInMemory | null = null;
  /** Has the VM done once what a start has it do? */
  rehearsed = false;

  constructor(vmId: string, slot: Slot) {
    this.vmId = vmId;
    this.slot = slot;
  }

  /** How much of a start is done already. */
  get equipment(): number {
    return (this.streamer === null ? 0 : 4) + (this.vm === null ? 0 : 2) + (this.rehearsed ? 1 : 0);
  }

  /** For a VM of this template? A bare slot fits any. */
  fits(template: RunnableTemplate): boolean {
    return this.template === null || this.template.template.manifest.key === template.template.manifest.key;
  }

  /** Asked of each part: what was killed a moment ago has not been reported yet, and what hangs never is. */
  async answers(): Promise<boolean> {
    if (!existsSync(this.slot.network.namespace)) return false;
    const all = Promise.all([this.streamer?.ping(), this.vm?.ping()]).then(
      () => true,
      () => false,
    );
    const limit = new AbortController();
    const late = delay(ANSWER_LIMIT, false, { signal: limit.signal }).catch(() => false);
    return await Promise.race([all, late]).finally(() => limit.abort());
  }

  /** Resolves when nothing of it is left. */
  async remove(): Promise<void> {
    const results = await Promise.allSettled([this.streamer?.stop(), this.picture?.stop(), this.vm?.stop()]);
    // A namespace lives as long as a process in it does.
    results.push(...(await Promise.allSettled([this.slot.remove()])));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}
