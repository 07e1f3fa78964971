/** Import directions of the house (docs/decisions/0002): each floor imports only the floors below it. */
const program = (name, others) => ({
  name: `${name}-stays-alone`,
  comment: 'programs share lib/ and never import each other',
  severity: 'error',
  from: { path: `^${name}/` },
  to: { path: `^(${others.join('|')})/` },
});
const floor = (name, allowed) => ({
  name: `lib-${name}-floor`,
  comment: `lib/${name} may import only ${allowed.join(', ') || 'nothing else'} from lib/`,
  severity: 'error',
  from: { path: `^lib/${name}/` },
  to: {
    path: '^(lib|cli|coordinator|site-agent|aggregator-enclave|bench|test)/',
    pathNot: `^lib/(${[name, ...allowed].join('|')})/`,
  },
});

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'nothing-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^@tensorflow/tfjs-node$' },
    },
    program('coordinator', ['site-agent', 'aggregator-enclave', 'cli']),
    program('site-agent', ['coordinator', 'aggregator-enclave', 'cli']),
    program('aggregator-enclave', ['coordinator', 'site-agent', 'cli']),
    floor('core', []),
    floor('contract', ['core']),
    floor('attestation', ['core', 'contract']),
    floor('privacy', ['core', 'contract']),
    floor('learning', ['core', 'contract']),
    floor('channel', ['core', 'contract', 'attestation']),
    floor('audit', ['core', 'contract', 'attestation', 'privacy']),
    floor('data', ['core', 'contract']),
    floor('store', ['core']),
    floor('telemetry', ['core']),
    floor('wire', ['core', 'contract', 'telemetry']),
    floor('config', ['core']),
    floor('simulation', ['core', 'contract', 'attestation', 'channel', 'config']),
    floor('hardware', ['core', 'contract', 'attestation', 'channel', 'config']),
    {
      name: 'core-has-no-io',
      severity: 'error',
      from: { path: '^lib/(core|contract|privacy)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'deciders-have-no-io',
      severity: 'error',
      from: { path: '(^|/)decider[^/]*\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'only-wire-knows-grpc',
      severity: 'error',
      from: { pathNot: '^(lib/wire|test|proto)/' },
      to: { path: '^node_modules/(@grpc|protobufjs)/' },
    },
    {
      name: 'only-tfjs-knows-tensorflow',
      severity: 'error',
      from: { pathNot: '^(lib/learning/tfjs|test|bench)/' },
      to: { path: '^node_modules/@tensorflow/' },
    },
    {
      name: 'enclave-core-is-small',
      comment: 'PROTOCOL §5: no simulated evidence, no TensorFlow.js, no I/O floors in the attested core',
      severity: 'error',
      from: { path: '^aggregator-enclave/', pathNot: '^aggregator-enclave/(host/|main-simulation\\.ts)' },
      to: { path: '^lib/(attestation/simulated|learning/tfjs|wire|store|telemetry|data)/' },
    },
    {
      name: 'verifying-apart-from-attesting',
      comment: 'what verifies evidence takes bytes and never reaches a device, a socket or a command',
      severity: 'error',
      from: { path: '^lib/attestation/', pathNot: '^lib/attestation/(attesters|sealing)/' },
      to: { path: '^lib/attestation/(attesters|sealing)/' },
    },
    {
      name: 'simulated-only-by-simulation-entry',
      comment: 'PROTOCOL §5: the production bundles do not contain the simulated platform',
      severity: 'error',
      from: {
        path: '^(aggregator-enclave|site-agent|coordinator|lib)/',
        pathNot: '(main-simulation\\.ts$|^lib/attestation/simulated/|^lib/simulation/)',
      },
      to: { path: '^lib/attestation/simulated/' },
    },
    {
      name: 'simulation-only-by-simulation-entry',
      severity: 'error',
      from: { pathNot: '(main-simulation\\.ts$|^lib/simulation/|^test/)' },
      to: { path: '^lib/simulation/' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
