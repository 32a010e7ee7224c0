import { readFile } from 'node:fs/promises';
import os from 'node:os';
import { type Figure, summarise } from './figures.ts';

/** A table for people; with `json` also, as the last line, one JSON object with machine and figures. */
export async function printReport(
  title: string,
  figures: readonly Figure[],
  options: { readonly json: boolean; readonly notes?: Readonly<Record<string, unknown>> },
): Promise<void> {
  const summaries = figures.map(summarise);
  console.log(`\n${title}`);
  console.table(Object.fromEntries(summaries.map(({ what, ...rest }) => [what, rest])), [
    'unit',
    'runs',
    'p50',
    'p95',
    'min',
    'max',
  ]);
  if (!options.json) return;
  console.log(JSON.stringify({ title, machine: await machine(), ...options.notes, figures: summaries }));
}

async function machine(): Promise<object> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  return {
    cpus: os.cpus().length,
    model: os.cpus()[0]?.model ?? 'unknown',
    memoryMb: Math.round(os.totalmem() / 1e6),
    system: /PRETTY_NAME="([^"]*)"/.exec(release)?.[1] ?? os.type(),
    kernel: os.release(),
  };
}
