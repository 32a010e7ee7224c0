import type { HostReport } from '../../api/client.ts';
import { exactTime } from '../../ui/time.ts';

/** What runs on the host, what it takes, and how much more fits. */
export function HostSummary({ usage }: { usage: HostReport['usage'] }) {
  const { capacity, diskMb, freeMemoryMb, standby, vms } = usage;
  const waiting = capacity.queued > 0 ? `, ${capacity.queued} waiting` : '';
  return (
    <details className="host" data-testid="host-summary">
      <summary>
        Host: {vms} of {capacity.maxVms} VMs{standby > 0 && `, ${standby} in standby`}
        {waiting}
        {capacity.full === null ? `, room for ${capacity.roomForVms} more` : ', full'}
      </summary>
      <dl>
        {capacity.full !== null && <Fact name="Full" value={capacity.full.message} />}
        <Fact
          name="Memory"
          value={`${size(capacity.vmsMb)} in VMs, ${size(usage.pool?.memoryMb ?? 0)} made ahead, ${size(freeMemoryMb)} free; one more is expected to take ${size(capacity.perVmMb)}`}
        />
        <Fact name="Load" value={`${capacity.loadPerCore.toFixed(1)} per core`} />
        <Fact
          name="Disk"
          value={`images ${size(diskMb.images)}, templates ${size(diskMb.templates)}, logs ${size(diskMb.logs)} of at most ${size(capacity.logsLimitMb)}`}
        />
        <Fact name="Template" value={templateText(usage.template)} />
      </dl>
    </details>
  );
}

/** What sessions start from, and what becomes of it. */
function templateText({ current, making, retiring, fault }: HostReport['usage']['template']): string {
  const parts = [
    current === null
      ? 'none yet'
      : `of image ${current.imageId}, made ${exactTime(Date.parse(current.builtAt))}`,
  ];
  if (making !== null) parts.push(`a new one is being made: ${making.progress}`);
  if (retiring > 0) parts.push(`${retiring} older in use by open sessions`);
  if (fault !== null) parts.push(`a new one could not be made: ${fault.message}`);
  return parts.join('; ');
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** `320 MB`, `1.4 GB`. */
function size(megabytes: number): string {
  return megabytes < 1000 ? `${Math.round(megabytes)} MB` : `${(megabytes / 1000).toFixed(1)} GB`;
}
