import { createHash } from 'node:crypto';
import { resolve } from 'node:path';

/** The TAP and the wire out, inside each slot's namespace. */
export const TAP = 'tap0';
export const UPLINK = 'up0';
/** Of each slot's TAP: a resumed guest still knows its gateway by it. Locally administered. */
export const GATEWAY_MAC = '02:00:c0:a8:64:01';

/**
 * What carries the mark of one controller on the host: names made from its run directory, so that two of
 * them tell their own from each other's.
 */
export function markOf(runDir: string): string {
  return createHash('sha256').update(resolve(runDir)).digest('hex').slice(0, 6);
}

/** Carries the mark in the environment of every process that is started for a slot. */
export const MARK_VARIABLE = 'BROWSER_VM_MARK';

export const namespaceOf = (mark: string, index: number): string => `bvm-${mark}-${index}`;

/** The host's end of the wire. Without the mark: an index is taken for all controllers of a host at once. */
export const hostLinkOf = (index: number): string => `bvmh${index}`;

export const groupPrefixOf = (mark: string): string => `bvm-${mark}-`;

export const hostTableOf = (mark: string, index: number): string => `bvm_${mark}_${index}`;

/** Is it one of that index, of any controller? */
export const isHostTableOf = (index: number, table: string): boolean =>
  new RegExp(`^bvm_[0-9a-f]+_${index}$`).test(table);

/** Index of a namespace of ours, or null for anything else. */
export function indexOf(mark: string, namespace: string): number | null {
  const [, index] = new RegExp(`^bvm-${mark}-(\\d+)$`).exec(namespace) ?? [];
  return index === undefined ? null : Number(index);
}
