const REFERENCE = /"#\/components\/schemas\/([^"]+)"/g;

/** Those schemas that `paths`, or one of `roots`, lead to. */
export function reachableSchemas(
  paths: unknown,
  schemas: Readonly<Record<string, unknown>>,
  roots: readonly string[],
): Record<string, unknown> {
  const reached = new Set<string>();
  const waiting = [...roots, ...namesIn(paths)];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (reached.has(name)) continue;
    reached.add(name);
    waiting.push(...namesIn(schemas[name]));
  }
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => reached.has(name)));
}

function namesIn(value: unknown): string[] {
  return [...JSON.stringify(value ?? null).matchAll(REFERENCE)].map(([, name]) => name ?? '');
}
