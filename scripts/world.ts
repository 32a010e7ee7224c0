/** The command that runs `command` in network namespaces of its own, from which nothing outside this machine can be reached. */
export function inWorld(command: readonly string[]): string[] {
  return [process.execPath, 'test/world/main.ts', ...command];
}
