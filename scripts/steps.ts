import { spawn } from 'node:child_process';
import path from 'node:path';

export interface Step {
  readonly name: string;
  /** A program and its arguments, from the root of the checkout. */
  readonly command: readonly string[];
}

/** Of the checkout. */
export const root = path.resolve(import.meta.dirname, '..');

/** Runs each step to its end, the next only when the one before ended well; ends this process with 1 otherwise. */
export async function runSteps(steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    const started = performance.now();
    console.log(`\n== ${step.name}`);
    const code = await runStep(step);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    if (code !== 0) {
      console.error(`== ${step.name}: FAILED with ${code} after ${seconds} s`);
      process.exit(1);
    }
    console.log(`== ${step.name}: ok in ${seconds} s`);
  }
}

/** The pinned Node.js comes first on PATH, so that tools with a `#!/usr/bin/env node` line run on it too. */
function runStep(step: Step): Promise<number | null> {
  const [program, ...args] = step.command;
  if (program === undefined) throw new Error(`step ${step.name} has no command`);
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: `${path.dirname(process.execPath)}:${process.env.PATH}` },
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}
