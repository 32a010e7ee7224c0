import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Api } from '../../test/e2e/support/api.ts';
import { ControllerProcess, repositoryRoot } from '../../test/e2e/support/controller-process.ts';
import { startWorld, type TestWorld } from '../../test/e2e/support/test-world.ts';

/** A measurement that can be stopped. */
export interface Stoppable {
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Undone last first, after the measurement or Ctrl-C. */
  atEnd(undo: () => Promise<unknown>): void;
}

/** What a benchmark runs against: the real controller, in a world without a way out of this machine. */
export interface Bench extends Stoppable {
  readonly world: TestWorld;
  readonly controller: ControllerProcess;
  readonly api: Api;
}

/** Where results go; ignored by git. */
export const RESULTS = path.join(repositoryRoot, 'bench/results');

/** Progress for people; standard output is for results. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Runs `measure` against a controller of its own, with `settings` over the defaults; see `runStoppable`. */
export function runBench(
  settings: Readonly<Record<string, string>>,
  measure: (bench: Bench) => Promise<void>,
): Promise<void> {
  return runStoppable(async (stoppable) => measure(await startBench(stoppable, settings)));
}

/** A controller of its own, with `settings` over the defaults; it goes when `stoppable` ends. */
export async function startBench(
  stoppable: Stoppable,
  settings: Readonly<Record<string, string>>,
  world: { readonly page?: string } = {},
): Promise<Bench> {
  const made = await startWorld(world);
  stoppable.atEnd(() => made.close());
  say('starting the controller; a missing template is made first');
  const controller = await ControllerProcess.start({
    ...made.environment,
    RATE_LIMIT_MAX_REQUESTS: '1000000',
    ...settings,
  });
  stoppable.atEnd(() => controller.remove());
  return { ...stoppable, world: made, controller, api: await Api.of(controller) };
}

/**
 * Runs `measure` and undoes in the end what it made. The first Ctrl-C ends the measurement and cleans up; a
 * second one ends the process at once.
 */
export async function runStoppable(measure: (stoppable: Stoppable) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const interrupted = Promise.withResolvers<never>();
  interrupted.promise.catch(() => {});
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      // A terminal and the program that started us may both pass on one Ctrl-C.
      if (stop.signal.aborted) return;
      const reason = new Error(`stopped by ${name}`);
      stop.abort(reason);
      interrupted.reject(reason);
    });
  }
  const undone: Array<() => Promise<unknown>> = [];
  const atEnd = (undo: () => Promise<unknown>) => undone.push(undo);
  try {
    await mkdir(RESULTS, { recursive: true });
    const measuring = measure({ signal: stop.signal, atEnd });
    // After Ctrl-C, whatever is under way fails because its controller goes.
    measuring.catch(() => {});
    await Promise.race([measuring, interrupted.promise]);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = stop.signal.aborted ? 130 : 1;
  } finally {
    for (const undo of undone.reverse()) await undo().catch((error: unknown) => console.error(error));
  }
}

/** `KEY=VALUE` words of the command line. */
export function settingsOf(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at < 1) throw new Error(`--set ${word}: expected KEY=VALUE`);
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}
