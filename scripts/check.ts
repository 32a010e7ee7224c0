/** Types, lint and format, import directions: what must hold before anything runs. */
import { runSteps } from './steps.ts';

await runSteps([
  { name: 'types', command: ['node_modules/.bin/tsc', '-p', '.'] },
  { name: 'types of the dashboard', command: ['node_modules/.bin/tsc', '-p', 'packages/dashboard'] },
  { name: 'types of the end-to-end tests', command: ['node_modules/.bin/tsc', '-p', 'test/e2e'] },
  { name: 'lint and format', command: ['node_modules/.bin/biome', 'ci', '--error-on-warnings', '.'] },
  { name: 'import directions', command: ['node_modules/.bin/depcruise', 'packages'] },
]);
