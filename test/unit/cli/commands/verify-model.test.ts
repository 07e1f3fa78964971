import fc from 'fast-check';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { verifyCommand } from '../../../../cli/commands/verify.ts';
import { rootsText } from '../../../../cli/setup/roots-file.ts';
import { verifyModel } from '../../../../cli/setup/verify-model.ts';
import { simulatedRoot } from '../../../../lib/attestation/simulated/chip.ts';
import { decodeBundle, encodeBundle, type PassportBundle } from '../../../../lib/audit/passport-bundle.ts';
import { toHex } from '../../../../lib/core/bytes.ts';
import { encodeModelFile, type ModelFile } from '../../../../lib/learning/model-file.ts';
import { modelDigest } from '../../../../lib/learning/weights.ts';
import { layoutOf } from '../../../../lib/learning/layout.ts';
import { must } from '../../../support/study-in-memory.ts';
import { digestOf, organisationSigner, testContract } from '../../../support/test-contract.ts';
import { releasedStudy, type ReleasedStudy } from './released-study.ts';
import { runCommand, testFolder, type Ran } from './run-command.ts';

const path = testFolder();
let study: ReleasedStudy;

beforeAll(async () => {
  study = await releasedStudy(path('run'));
});

const verify = (bundle = study.files.bundle, ...more: string[]): Promise<Ran> => {
  const keys = more.includes('--org-keys') ? [] : ['--org-keys', study.files.keys];
  const roots = more.includes('--roots') ? [] : ['--roots', study.files.roots];
  return runCommand(verifyCommand, 'verify', 'model', bundle, ...keys, ...roots, ...more);
};

function expectRefused(ran: Ran, ...failed: string[]): void {
  expect(ran.exit, ran.stdout).toBe(41);
  const report = JSON.parse(ran.stdout.split('\n')[0] ?? '') as { passed: boolean; checks: Check[] };
  expect(report.passed).toBe(false);
  expect(report.checks.filter(({ passed }) => !passed).map(({ name }) => name.replace(/ \(.*/, ''))).toEqual(failed);
  expect(ran.json()).toMatchObject({ type: 'error', code: 'E-PASSPORT-INVALID', exit: 41 });
}

interface Check {
  readonly name: string;
  readonly passed: boolean;
}

describe('PROTOCOL §7.7: a genuine bundle', () => {
  test('verifies with the model beside it, and says that the attestation is simulated', async () => {
    const { exit, stdout, stderr } = await verify();
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toMatch(/^VERIFIED: all \d+ checks passed\.$/m);
    expect(stdout).not.toContain('FAILED');
    expect(stdout).toContain('SIMULATED attestation: it protects nothing');
    expect(stdout).toContain(toHex(study.model.digest));
  });

  test('is reported in full to programs', async () => {
    const report = (await verify(study.files.bundle, '--json')).json();
    const want = { type: 'verification', passed: true, simulated: true, weightsChecked: true, round: 1, cohortSize: 4 };
    expect(report).toMatchObject({ ...want, model: toHex(study.model.digest), modelFile: study.files.model });
    expect((report['checks'] as Check[]).every(({ passed }) => passed)).toBe(true);
  });

  test('without a model file says plainly that no weights were checked', async () => {
    await writeFile(path('alone.cbor'), encodeBundle(study.bundle));
    await releasedStudy(path('no-model'));
    await rm(path('no-model', 'model.cbor'));
    const { exit, stdout } = await verify(path('no-model', 'passport.cbor'));
    expect(exit).toBe(0);
    expect(stdout).toContain('Weights not checked');
    expect((await verify(path('no-model', 'passport.cbor'), '--json')).json()).toMatchObject({ weightsChecked: false });
  });

  test('finds round-0001.model.cbor beside round-0001.passport.cbor, as an agent stores them', async () => {
    await writeFile(path('round-0001.passport.cbor'), encodeBundle(study.bundle));
    await writeFile(path('round-0001.model.cbor'), encodeModelFile(study.model));
    expect((await verify(path('round-0001.passport.cbor'), '--json')).json()).toMatchObject({
      passed: true,
      modelFile: path('round-0001.model.cbor'),
    });
  });

  test('takes keys from single files and from an overlay as well', async () => {
    const ids = ['adler', 'birch', 'cedar'];
    const single = ids.map((id) => path(`${id}.json`));
    for (const id of ids) await writeFile(path(`${id}.json`), JSON.stringify(publicOf(id)));
    expect((await verify(study.files.bundle, '--org-keys', ...single)).exit).toBe(0);
    const confirmed = ids.map((id) => ({ ...publicOf(id), confirmedAt: '2026-11-02T09:00:00Z' }));
    await writeFile(path('overlay.yaml'), JSON.stringify({ confirmed }));
    expect((await verify(study.files.bundle, '--org-keys', path('overlay.yaml'))).exit).toBe(0);
  });
});

const publicOf = (id: string, signer = id): object => ({
  id,
  name: `${id} hospital`,
  key: toHex(organisationSigner(signer).publicKey),
});

describe('PROTOCOL §7.7: what the verifier holds decides, never the bundle', () => {
  test('another root: the evidence is not believed', async () => {
    await writeFile(path('other-roots.json'), rootsText([simulatedRoot(digestOf('another chip root'))]));
    const ran = await verify(study.files.bundle, '--json', '--roots', path('other-roots.json'));
    expectRefused(ran, 'enclave evidence', 'software digest', 'boot keys published');
  });

  test('--require-hardware: simulated evidence is not believed under any root', async () => {
    expectRefused(
      await verify(study.files.bundle, '--json', '--require-hardware'),
      'enclave evidence',
      'boot keys published',
    );
  });

  test('other keys under the right names', async () => {
    const keys = ['adler', 'birch', 'cedar', 'dogwood'].map((id) => publicOf(id, `impostor ${id}`));
    await writeFile(path('impostors.json'), JSON.stringify(keys));
    expectRefused(
      await verify(study.files.bundle, '--json', '--org-keys', path('impostors.json')),
      'approvals by confirmed hospitals',
    );
  });

  test('too few confirmed hospitals', async () => {
    await writeFile(path('two.json'), JSON.stringify([publicOf('adler'), publicOf('birch')]));
    expectRefused(
      await verify(study.files.bundle, '--json', '--org-keys', path('two.json')),
      'approvals by confirmed hospitals',
    );
  });

  test('two files that contradict each other are refused before anything is checked', async () => {
    await writeFile(path('a.json'), JSON.stringify(publicOf('adler')));
    await writeFile(path('b.json'), JSON.stringify(publicOf('adler', 'impostor')));
    const { exit, stderr } = await verify(study.files.bundle, '--org-keys', path('a.json'), path('b.json'));
    expect(exit).toBe(78);
    expect(stderr).toContain('gives adler another key than a file before it');
  });
});

describe('a model file that is not the one of the passport', () => {
  const withModel = async (change: Partial<ModelFile>): Promise<Ran> => {
    await writeFile(path('other.cbor'), encodeModelFile({ ...study.model, ...change }));
    return verify(study.files.bundle, '--json', '--model', path('other.cbor'));
  };

  test('other weights, honestly labelled', async () => {
    const weights = study.model.weights.map((weight) => weight + 1);
    const digest = modelDigest(layoutOf(study.model.spec).digest, weights);
    expectRefused(await withModel({ weights, digest }), 'weights of the passport');
  });

  test('other weights under the right digest', async () => {
    expectRefused(await withModel({ weights: study.model.weights.map((weight) => weight + 1) }), 'model file');
  });

  test('the right weights with another scaling, which would give wrong answers', async () => {
    const schema = structuredClone(study.model.schema);
    const [first] = schema.features;
    if (first?.kind === 'number') first.centre += 1;
    expectRefused(await withModel({ schema }), 'schema of the contract');
  });

  test('another activation over the same layout', async () => {
    const spec = { ...study.model.spec, initial: { kind: 'glorot-uniform' as const, seed: 1 } };
    expectRefused(await withModel({ spec }), 'model of the contract');
  });

  test('another contract, another round', async () => {
    expectRefused(await withModel({ contract: digestOf('another') }), 'contract of the model file');
    expectRefused(await withModel({ round: 2 }), 'round of the model file');
  });

  test('no model file at all', async () => {
    await writeFile(path('not-a-model.cbor'), 'nothing');
    expectRefused(await verify(study.files.bundle, '--json', '--model', path('not-a-model.cbor')), 'model file');
    expect((await verify(study.files.bundle, '--model', path('nowhere.cbor'))).exit).toBe(78);
  });
});

describe('an altered bundle', () => {
  const check = (bundle: Uint8Array): ReturnType<typeof verifyModel> =>
    verifyModel({
      bundle,
      model: encodeModelFile(study.model),
      organisations: testContract().contract.organisations,
      simulatedRoots: [simulatedRoot(digestOf('chip root'))],
      requireHardware: false,
    });

  test('no changed byte changes what is verified', async () => {
    const bytes = new Uint8Array(await readFile(study.files.bundle));
    const genuine = check(bytes);
    expect(genuine.passed).toBe(true);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const altered = bytes.slice();
        altered[at] = (altered[at] ?? 0) ^ mask;
        const verdict = check(altered);
        // When a boot was published is not signed by the boot itself; everything that is claimed of the model is.
        if (verdict.passed) expect([verdict.contract, verdict.release]).toEqual([genuine.contract, genuine.release]);
      }),
      { numRuns: 150 },
    );
  });

  const signed = ['contract', 'genesis', 'manifest', 'certificate', 'intent', 'release'] as const;
  test.each(signed)('every byte of its %s counts', (field) => {
    fc.assert(
      fc.property(fc.nat(study.bundle[field].length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const altered = study.bundle[field].slice();
        altered[at] = (altered[at] ?? 0) ^ mask;
        return !check(encodeBundle({ ...study.bundle, [field]: altered })).passed;
      }),
      { numRuns: 25 },
    );
  });

  test.each<[string, (bundle: PassportBundle) => Partial<PassportBundle>]>([
    ['two acknowledgements of four', ({ acknowledgements }) => ({ acknowledgements: acknowledgements.slice(2) })],
    ['two approvals of four', ({ approvals }) => ({ approvals: approvals.slice(2) })],
    [
      'the evidence of another boot',
      ({ publications }) => ({
        publications: publications.map((item) => ({ ...item, bootKey: organisationSigner('x').publicKey })),
      }),
    ],
    ['the manifest in the place of the release', ({ manifest }) => ({ release: manifest })],
    ['a contract that the hospitals did not sign', () => ({ contract: testContract({ rounds: 4 }).bytes })],
  ])('with %s', (_what, change) => {
    expect(check(encodeBundle({ ...study.bundle, ...change(study.bundle) })).passed).toBe(false);
  });

  test('cut short, extended, empty or not a bundle at all', async () => {
    const bytes = new Uint8Array(await readFile(study.files.bundle));
    for (const broken of [
      bytes.slice(0, -1),
      Uint8Array.from([...bytes, 0]),
      new Uint8Array(),
      encodeModelFile(study.model),
    ])
      expect(check(broken)).toMatchObject({ passed: false, contract: null, release: null });
    await writeFile(path('cut.cbor'), bytes.slice(0, -1));
    expectRefused(await verify(path('cut.cbor'), '--json'), 'bundle');
  });

  test('whatever the bytes, verification ends with a verdict', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => !check(bytes).passed));
  });
});

test('files that are missing or wrong are named, with the rule', async () => {
  expect((await verify(path('nowhere.cbor'))).stderr).toContain('nowhere.cbor: there is no such file');
  await writeFile(path('bad-roots.json'), '{"simulatd":["00"]}');
  const { exit, stderr } = await verify(study.files.bundle, '--roots', path('bad-roots.json'));
  expect(exit).toBe(78);
  expect(stderr).toContain('simulatd: unknown key; did you mean simulated?');
  expect(must(decodeBundle(encodeBundle(study.bundle)))).toEqual(study.bundle);
});
