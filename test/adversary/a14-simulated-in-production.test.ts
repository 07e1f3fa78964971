// PROTOCOL §8 A14: simulated evidence in production, and what a lying chip says.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { failuresOf } from '../../lib/attestation/attestation-result.ts';
import { importClosure } from '../../lib/attestation/measure/import-closure.ts';
import { ReportData } from '../../lib/attestation/report-data.ts';
import type { ChipLies } from '../../lib/attestation/simulated/chip.ts';
import { verifySimulated } from '../../lib/attestation/simulated/verify-simulated.ts';
import { decodeEvidence } from '../../lib/attestation/evidence.ts';
import { verifierRegistry, type Expectation } from '../../lib/attestation/verifier.ts';
import type { Digest, PublicKey } from '../../lib/core/ids.ts';
import { must } from '../unit/channel/puppet.ts';
import { codeOf, digestOf, handshake, MEASUREMENTS, SimulatedStudy } from '../unit/channel/simulated-session.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SIMULATED = join(ROOT, 'lib', 'attestation', 'simulated');
const publication = {
  bootKey: digestOf('boot') as Uint8Array as PublicKey,
  contractDigest: digestOf('contract'),
  genesisDigest: digestOf('genesis'),
  headDigest: digestOf('head'),
};

function scene(lies: ChipLies = {}) {
  const study = new SimulatedStudy();
  const chip = study.chip('enclave-machine', lies);
  const envelope = chip.quote(
    { measurement: MEASUREMENTS.enclave, role: 'enclave' },
    { kind: 'publication', publication },
  );
  const expectation: Expectation = {
    environment: 'simulation',
    role: 'enclave',
    reportData: ReportData.bytesOf(ReportData.ofPublication(publication)),
    at: study.clock.now(),
    policy: study.policy('enclave'),
  };
  return { study, chip, envelope, expectation };
}

describe('A14 simulated evidence in production', () => {
  test('is affirmed where simulation was agreed, and always says that it is simulated', () => {
    const { study, envelope, expectation } = scene();
    const result = study.appraisalOf('enclave').registry.verify(envelope, expectation);
    expect(result).toMatchObject({ status: 'affirming', simulated: true });
  });

  test('a production contract refuses it even in a program that knows it', () => {
    const { study, envelope, expectation } = scene();
    const { registry } = study.appraisalOf('enclave');
    const lenient = registry.verify(envelope, { ...expectation, environment: 'production' });
    expect(failuresOf(lenient).map(({ code }) => code)).toEqual(['E-ATTEST-SIMULATED']);
    expect(lenient.simulated).toBe(true);
    const policy = { ...expectation.policy, platforms: ['sev-snp' as const] };
    const strict = registry.verify(envelope, { ...expectation, environment: 'production', policy });
    expect(failuresOf(strict).map(({ code }) => code)).toEqual(['E-ATTEST-SIMULATED', 'E-ATTEST-PLATFORM']);
  });

  test.each(['production', 'simulation'] as const)(
    'a production program refuses it, also in a %s contract',
    (environment) => {
      const { envelope, expectation } = scene();
      const result = verifierRegistry([]).verify(envelope, { ...expectation, environment });
      const failures = failuresOf(result).map(({ code }) => code);
      expect(failures[0]).toBe('E-ATTEST-SIMULATED');
      expect(failures).toHaveLength(environment === 'production' ? 2 : 1);
      expect(result.simulated).toBe(true);
    },
  );

  test('a session is refused in both directions', async () => {
    for (const side of ['site', 'enclave'] as const) {
      const study = new SimulatedStudy();
      const appraisal = {
        ...study.appraisalOf(side === 'site' ? 'enclave' : 'site'),
        environment: 'production',
      } as const;
      const outcome = await handshake(study, { [side]: { appraisal } });
      expect([codeOf(outcome.site), codeOf(outcome.enclave)]).toEqual(['E-ATTEST-SIMULATED', 'E-ATTEST-SIMULATED']);
    }
  });

  test.each(['aggregator-enclave/main.ts', 'site-agent/main.ts'])(
    'the production program %s does not contain the simulated platform; its simulation twin does',
    (entry) => {
      const holdsSimulation = (path: string): boolean =>
        [...importClosure(join(ROOT, path)).files.keys()].some((file) => file.startsWith(SIMULATED));
      expect(holdsSimulation(entry)).toBe(false);
      expect(holdsSimulation(entry.replace('main.ts', 'main-simulation.ts'))).toBe(true);
    },
  );
});

describe('A14 a chip that lies', () => {
  const LIES: [string, ChipLies, string][] = [
    ['measurement', { measurement: digestOf('another program') }, 'E-ATTEST-MEASUREMENT'],
    ['debug', { debug: true }, 'E-ATTEST-DEBUG'],
    ['instance', { instance: 'another-machine' }, 'E-ATTEST-INSTANCE'],
    ['svn', { svn: 0 }, 'E-ATTEST-SVN'],
    ['role', { role: 'site' }, 'E-ATTEST-ROLE'],
  ];

  test.each(LIES)('about its %s is refused by name in a session', async (_, enclaveLies, code) => {
    const outcome = await handshake(new SimulatedStudy(), { enclaveLies });
    expect([codeOf(outcome.site), codeOf(outcome.enclave)]).toEqual([code, code]);
  });

  test.each(LIES.slice(0, 4))('at a site, about its %s, is refused by the enclave', async (_, siteLies, code) => {
    const outcome = await handshake(new SimulatedStudy(), { siteLies });
    expect(codeOf(outcome.enclave)).toBe(code);
  });

  test('about everything is refused with every reason at once', () => {
    const every = Object.assign({}, ...LIES.map(([, lie]) => lie)) as ChipLies;
    const { study, envelope, expectation } = scene(every);
    const { bytes } = must(decodeEvidence(envelope));
    const anchors = { roots: [study.chip('any').root] };
    const result = verifySimulated(bytes, anchors, {
      ...expectation,
      environment: 'production',
      reportData: new Uint8Array(64),
      policy: { ...expectation.policy, platforms: ['tdx'] },
    });
    expect(failuresOf(result).map(({ code }) => code)).toEqual([
      'E-ATTEST-SIMULATED',
      'E-ATTEST-PLATFORM',
      'E-ATTEST-MEASUREMENT',
      'E-ATTEST-DEBUG',
      'E-ATTEST-INSTANCE',
      'E-ATTEST-SVN',
      'E-ATTEST-ROLE',
      'E-ATTEST-BINDING',
    ]);
    for (const { got, want } of failuresOf(result)) expect(got).not.toBe(want);
  });

  test('a root that came with the evidence is no root of ours', () => {
    const { envelope, expectation, study } = scene();
    const { bytes } = must(decodeEvidence(envelope));
    const foreign = [digestOf('some root') as Uint8Array as PublicKey];
    for (const roots of [[], foreign]) {
      const failures = failuresOf(verifySimulated(bytes, { roots }, expectation));
      expect(failures.map(({ code, detail }) => `${code} ${detail}`)).toEqual(['E-ATTEST-SIGNATURE root']);
    }
    expect(study.chip('any').root satisfies Uint8Array).not.toEqual(foreign[0]);
  });
});

// A digest is 32 bytes; the policy compares all of them.
test('a measurement that differs in its last bit is another program', () => {
  const almost = MEASUREMENTS.enclave.slice() as Digest;
  almost[31] = (almost[31] ?? 0) ^ 1;
  const { study, envelope, expectation } = scene({ measurement: almost });
  const result = study.appraisalOf('enclave').registry.verify(envelope, expectation);
  expect(failuresOf(result).map(({ code }) => code)).toEqual(['E-ATTEST-MEASUREMENT']);
});
