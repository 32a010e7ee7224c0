import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { BrowserVmError } from '@browser-vm/protocol';

const ZONES = '/usr/share/zoneinfo';

export function setMachineId(machineId: string): void {
  writeFileSync('/etc/machine-id', `${machineId}\n`);
}

export function setHostname(hostname: string): void {
  const previous = readFileSync('/proc/sys/kernel/hostname', 'utf8').trim();
  writeFileSync('/proc/sys/kernel/hostname', hostname);
  writeFileSync('/etc/hostname', `${hostname}\n`);
  const hosts = existsSync('/etc/hosts') ? readFileSync('/etc/hosts', 'utf8') : '';
  const others = hosts.split('\n').filter((line) => line !== '' && !line.endsWith(` ${previous}`));
  writeFileSync('/etc/hosts', `${[...others, `127.0.1.1 ${hostname}`].join('\n')}\n`);
}

/** Throws `unknown_timezone`. */
export function checkTimezone(timezone: string): void {
  if (/^[A-Za-z][\w+-]*(\/[\w+-]+)*$/.test(timezone)) {
    // An image without zone data knows universal time alone.
    if (timezone === 'Etc/UTC' || existsSync(`${ZONES}/${timezone}`)) return;
  }
  throw new BrowserVmError(
    { code: 'unknown_timezone', message: `no time zone ${timezone} in the image`, hop: 'request' },
    { status: 400 },
  );
}

/** Chromium watches both files; tools read them when they start. */
export function setTimezone(timezone: string): void {
  if (!existsSync(`${ZONES}/${timezone}`)) return;
  rmSync('/etc/localtime', { force: true });
  symlinkSync(`${ZONES}/${timezone}`, '/etc/localtime');
  writeFileSync('/etc/timezone', `${timezone}\n`);
}
