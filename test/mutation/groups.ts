import { matchesGlob } from 'node:path';

/** Files whose tests are put to the test together: `mutate` is changed, `tests` must notice. */
export interface MutationGroup {
  readonly name: string;
  /** Sources, as glob patterns from the repository's root. */
  readonly mutate: readonly string[];
  /** Test files likewise, the quickest and most telling first: a mutant is done with at its first failing test. */
  readonly tests: readonly string[];
}

/** The project's promise for `lib/core`, `lib/privacy`, `lib/attestation` and the deciders, in per cent of the mutants. */
export const WANTED_SCORE = 85;

export const GROUPS: readonly MutationGroup[] = [
  {
    name: 'core',
    mutate: ['lib/core/**/*.ts'],
    tests: ['test/unit/cli/errors-page.test.ts', 'test/unit/core/**/*.test.ts'],
  },
  {
    name: 'privacy',
    mutate: ['lib/privacy/**/*.ts'],
    // Not the statistics of noise: millions of draws take minutes where each is counted.
    tests: [
      'test/unit/privacy/{rdp,epsilon,calibrate,discrete-gaussian,membership-attack,poisson-sample,ledger}.test.ts',
      'test/vectors/privacy/chacha20-rfc8439.test.ts',
    ],
  },
  {
    name: 'enclave',
    mutate: ['aggregator-enclave/decider.ts', 'aggregator-enclave/*-phase.ts', 'aggregator-enclave/evolve.ts'],
    tests: [
      'test/unit/deciders/{enclave-*,head-proof,successor-enclave}.test.ts',
      'test/protocol/enclave-{updates,cohort,release}.test.ts',
      'test/unit/deciders/repeats.test.ts',
    ],
  },
  {
    name: 'site',
    mutate: ['site-agent/decider.ts', 'site-agent/*-phase.ts', 'site-agent/forgotten.ts', 'site-agent/evolve.ts'],
    tests: ['test/unit/deciders/site-*.test.ts', 'test/protocol/site-{update,cohort,consent,behind}.test.ts'],
  },
  {
    name: 'coordinator',
    mutate: ['coordinator/decider.ts', 'coordinator/round-progress.ts', 'coordinator/evolve.ts'],
    tests: [
      'test/unit/deciders/coordinator-*.test.ts',
      'test/protocol/coordinator-liveness.test.ts',
      'test/unit/coordinator/consent.test.ts',
    ],
  },
  {
    name: 'attestation-x509',
    mutate: ['lib/attestation/formats/*.ts', 'lib/attestation/x509/*.ts'],
    tests: [
      'test/unit/attestation/{formats,x509}/*.test.ts',
      'test/vectors/attestation/{certificates,nvidia-rims,nitro}.test.ts',
      'test/unit/attestation/{nitro/nitro,nvidia-gpu/rim-signature,collateral/describe-item}.test.ts',
    ],
  },
  {
    name: 'attestation-intel',
    mutate: ['lib/attestation/{dcap,sgx,tdx,dstack,event-log}/*.ts'],
    tests: ['test/unit/attestation/dcap/*.test.ts', 'test/vectors/attestation/{event-log,dcap}.test.ts'],
  },
  {
    name: 'attestation-amd',
    mutate: ['lib/attestation/{sev-snp,azure}/*.ts'],
    tests: ['test/unit/attestation/{sev-snp,azure}/*.test.ts', 'test/vectors/attestation/{sev-snp,azure}.test.ts'],
  },
  {
    name: 'attestation-nitro',
    mutate: ['lib/attestation/nitro/*.ts'],
    tests: ['test/vectors/attestation/nitro.test.ts', 'test/unit/attestation/nitro/*.test.ts'],
  },
  {
    name: 'attestation-nvidia',
    mutate: ['lib/attestation/nvidia-gpu/*.ts'],
    tests: ['test/unit/attestation/nvidia-gpu/*.test.ts', 'test/vectors/attestation/nvidia-{rims,gpu}.test.ts'],
  },
  {
    name: 'attestation-verdict',
    mutate: [
      'lib/attestation/{collateral,composite,policy}/*.ts',
      'lib/attestation/{authentication,ear,platforms,read-evidence,verify-evidence}.ts',
    ],
    tests: [
      'test/unit/attestation/{verify-evidence,read-evidence,library}.test.ts',
      'test/unit/attestation/{collateral,composite,policy}/*.test.ts',
      'test/vectors/attestation/{read-collateral,collateral-facts,every-file}.test.ts',
    ],
  },
];

/** Names the group to the processes that Stryker starts; they load `vitest.config.ts`. */
export const GROUP_VARIABLE = 'CONSILIUM_MUTATION_GROUP';

export const groupNamed = (name: string | undefined): MutationGroup | undefined =>
  GROUPS.find((group) => group.name === name);

/** The group of this name, or all whose names begin with it: `attestation`. */
export const groupsNamed = (name: string): readonly MutationGroup[] =>
  GROUPS.filter((group) => group.name === name || group.name.startsWith(`${name}-`));

export const groupOf = (file: string): MutationGroup | undefined =>
  GROUPS.find(({ mutate }) => mutate.some((pattern) => matchesGlob(file, pattern)));
