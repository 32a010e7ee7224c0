/** Which package may import which. Everything not listed here is forbidden. */
const allowed = {
  protocol: [],
  rfb: [],
  agent: ['protocol', 'rfb'],
  streamer: ['protocol', 'rfb'],
  host: ['protocol', 'rfb'],
  controller: ['protocol'],
  dashboard: ['protocol'],
  cli: ['protocol', 'host', 'controller'],
};

const packageRules = Object.entries(allowed).map(([name, targets]) => ({
  name: `${name}-imports-only-its-own`,
  severity: 'error',
  comment: `packages/${name} may import ${targets.length > 0 ? targets.join(', ') : 'nothing of ours'}`,
  from: { path: `^packages/${name}/src/` },
  to: { path: '^packages/([^/]+)/', pathNot: `^packages/(${[name, ...targets].join('|')})/` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...packageRules,
    { name: 'no-circular', severity: 'error', from: { path: '^packages/' }, to: { circular: true } },
    {
      name: 'src-never-imports-test',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { path: '/test/' },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { couldNotResolve: true, pathNot: '\\.css$' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules/(?!@browser-vm)' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
