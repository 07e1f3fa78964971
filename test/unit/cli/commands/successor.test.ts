import { readFile, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { contractCommand } from '../../../../cli/commands/contract.ts';
import { measure } from '../../../../cli/setup/draft.ts';
import { rootsText } from '../../../../cli/setup/roots-file.ts';
import { simulatedRoot } from '../../../../lib/attestation/simulated/chip.ts';
import { encodeBundle } from '../../../../lib/audit/passport-bundle.ts';
import { openContract, type SealedContract } from '../../../../lib/contract/study-contract.ts';
import { toHex } from '../../../../lib/core/bytes.ts';
import { freshWeights } from '../../../../lib/learning/initial-weights.ts';
import { noisyContract } from '../../../support/noisy-contract.ts';
import { must } from '../../../support/study-in-memory.ts';
import { digestOf, organisationSigner, testContract } from '../../../support/test-contract.ts';
import { releasedStudy, type ReleasedStudy } from './released-study.ts';
import { runCommand, testFolder, type Ran } from './run-command.ts';

const path = testFolder();
let study: ReleasedStudy;
const previous = testContract();

const contract = (...argv: string[]): Promise<Ran> => runCommand(contractCommand, 'contract', ...argv);
const successor = (name: string, ...more: string[]): Promise<Ran> => {
  const given = { '--previous': path('contract.cbor'), '--passport': study.files.bundle, '--roots': study.files.roots };
  const defaults = Object.entries(given).filter(([flag]) => !more.includes(flag));
  return contract('successor', ...defaults.flat(), '--out', path(name), ...more);
};
const read = async (name: string): Promise<SealedContract> =>
  must(openContract(new Uint8Array(await readFile(path(name)))));

beforeAll(async () => {
  study = await releasedStudy(path('run'));
  await writeFile(path('contract.cbor'), previous.bytes);
  await successor('successor.cbor');
});

describe('consilium contract successor', () => {
  test('goes on from the released model with the same terms, the programs of this source, for the rounds left', async () => {
    const { contract: made } = await read('successor.cbor');
    const { validity: _validity, appraisal, model, predecessor, rounds, ...terms } = made;
    const { validity: _v, appraisal: before, model: shape, predecessor: _p, rounds: _r, ...want } = previous.contract;
    expect(terms).toEqual(want);
    expect(rounds).toBe(2);
    expect(model).toEqual({ ...shape, initialDigest: study.model.digest });
    expect(predecessor).toMatchObject({ contract: previous.digest, round: 1 });
    expect(appraisal).toEqual({
      enclave: { ...before.enclave, measurements: [measure('enclave-simulation').digest] },
      site: { ...before.site, measurements: [measure('site-simulation').digest] },
    });
    expect(made.validity.notAfter - made.validity.notBefore).toBe(365 * 24 * 3_600_000);
    expect(Math.abs(made.validity.notBefore - Date.now())).toBeLessThan(600_000);
  });

  test('says to people and to programs what it continues', async () => {
    const ran = await successor('told.cbor');
    const said = ran.stdout.replaceAll(/\s+/g, ' ');
    expect(ran.exit).toBe(0);
    expect(said).toContain(`goes on after round 1 of contract ${toHex(previous.digest)}, from its model`);
    expect(said).toContain(toHex(study.model.digest));
    expect(said).toContain('for 2 more rounds');
    expect(said).toContain('reads and approves it again');
    expect((await successor('json.cbor', '--json')).json()).toEqual({
      type: 'drafted',
      contract: toHex((await read('json.cbor')).digest),
      file: path('json.cbor'),
      succeeds: toHex(previous.digest),
      afterRound: 1,
      model: toHex(study.model.digest),
      beginsAnew: false,
      rounds: 2,
    });
  });

  test('takes what stands on the line instead', async () => {
    const organisations = ['adler', 'birch', 'cedar', 'elm'].map((id) => ({
      id,
      name: `${id} hospital`,
      key: toHex(organisationSigner(id).publicKey),
    }));
    await writeFile(path('others.json'), JSON.stringify(organisations));
    const given = ['--org', path('others.json'), '--rounds', '9', '--k-min', '2', '--validity-days', '5'];
    const machines = ['--enclave-instance', 'm9', '--site-measurement', toHex(digestOf('agent'))];
    const ran = await successor('other.cbor', ...given, ...machines, '--org-keys', study.files.keys);
    expect(ran.exit, ran.stderr).toBe(0);
    const { contract: made } = await read('other.cbor');
    expect(made).toMatchObject({ rounds: 9, kMin: 2 });
    expect(made.organisations.map(({ id }) => id)).toEqual(['adler', 'birch', 'cedar', 'elm']);
    expect(made.validity.notAfter - made.validity.notBefore).toBe(5 * 24 * 3_600_000);
    expect(made.appraisal.enclave.instances).toEqual(['m9']);
    expect(made.appraisal.site).toMatchObject({ instances: null, measurements: [digestOf('agent')] });
  });

  test('--begin-anew uses fresh weights, and says so', async () => {
    const ran = await successor('anew.cbor', '--begin-anew', '0');
    const { contract: made } = await read('anew.cbor');
    expect(freshWeights(made.model)).not.toBeNull();
    expect(made).toMatchObject({ rounds: 3, predecessor: { round: 1 } });
    expect(ran.stdout).toContain('begins anew with model');
  });

  test('overwrites nothing', async () => {
    const before = await readFile(path('successor.cbor'));
    expect((await successor('successor.cbor')).exit).toBe(78);
    expect(await readFile(path('successor.cbor'))).toEqual(before);
  });

  test.each<[string, () => Promise<string[]>, number, string]>([
    [
      'a passport under another root',
      async () => {
        await writeFile(path('roots.json'), rootsText([simulatedRoot(digestOf('another'))]));
        return ['--roots', path('roots.json')];
      },
      41,
      'E-PASSPORT-INVALID',
    ],
    [
      'keys that the drafter has confirmed and that are others',
      async () => {
        const keys = previous.contract.organisations.map(({ id, name }) => ({ id, name, key: toHex(digestOf(id)) }));
        await writeFile(path('keys.json'), JSON.stringify(keys));
        return ['--org-keys', path('keys.json')];
      },
      41,
      'approvals by confirmed hospitals',
    ],
    [
      'the passport of another contract',
      async () => {
        await writeFile(path('other-contract.cbor'), testContract({ rounds: 8 }).bytes);
        return ['--previous', path('other-contract.cbor')];
      },
      77,
      'E-PREDECESSOR-INVALID',
    ],
    [
      'a passport that was changed',
      async () => {
        const changed = { ...study.bundle, acknowledgements: study.bundle.acknowledgements.slice(1) };
        await writeFile(path('changed.cbor'), encodeBundle({ ...changed, release: changed.genesis }));
        return ['--passport', path('changed.cbor')];
      },
      41,
      'E-PASSPORT-INVALID',
    ],
    ['no bundle at all', async () => ['--passport', path('contract.cbor')], 41, 'E-PASSPORT-INVALID'],
    ['more in a cohort than there are hospitals', async () => ['--k-min', '5'], 65, 'kMin: more than there are'],
    ['a seed that is none', async () => ['--begin-anew', '-1'], 64, 'must be a whole number from 0'],
  ])('refuses %s, and writes nothing', async (_what, play, exit, message) => {
    const ran = await successor('refused.cbor', ...(await play()));
    expect(ran.exit, ran.stderr).toBe(exit);
    expect(ran.stderr).toContain(message);
    await expect(readFile(path('refused.cbor'))).rejects.toThrow('ENOENT');
  });
});

describe('a successor of a contract with noise', () => {
  const noisy = noisyContract('enclave');
  const draft = async (name: string, ...more: string[]): Promise<Ran> => {
    const { files } = await releasedStudy(path('noisy-run'), noisy);
    await writeFile(path('noisy.cbor'), noisy.bytes);
    return successor(
      name,
      '--previous',
      path('noisy.cbor'),
      '--passport',
      files.bundle,
      '--roots',
      files.roots,
      ...more,
    );
  };

  test('with a hospital less is one that can be read and approved', async () => {
    const stay = noisy.contract.organisations.slice(1).map((one) => ({ ...one, key: toHex(one.key) }));
    await writeFile(path('three.json'), JSON.stringify(stay));
    const ran = await draft('three.cbor', '--org', path('three.json'), '--k-min', '2');
    expect(ran.exit, ran.stderr).toBe(0);
    expect((await contract('show', path('three.cbor'))).exit).toBe(0);
  });

  test('is not written with more rounds than its noise keeps the promise for', async () => {
    const ran = await draft('too-long.cbor', '--rounds', '9');
    expect(ran.exit).toBe(65);
    expect(ran.stderr).toMatch(/privacy: the noise gives an epsilon of \d\.\d+, not the 2\.5 that is promised/);
    await expect(readFile(path('too-long.cbor'))).rejects.toThrow('ENOENT');
  });
});

describe('PROTOCOL §6.1: a hospital that reads and approves a successor', () => {
  const show = async (name: string): Promise<string> =>
    (await contract('show', path(name))).stdout.replaceAll(/\s+/g, ' ');

  test('is told of what, after which round, and what carries over', async () => {
    const said = await show('successor.cbor');
    for (const fact of [
      `contract ${toHex(previous.digest)}, after its round 1 (statement 4)`,
      `goes on from the model released there, ${toHex(study.model.digest)}`,
      'Rounds count from 1 again',
      'Approvals of that contract do not count here',
      'What each hospital has sent and the statements it has seen carry over',
    ])
      expect(said).toContain(fact);
    expect(await show('anew.cbor')).toContain('It begins anew: that model is not used.');
    expect(await show('contract.cbor')).toContain('Succeeds no other contract');
  });

  test('signs this contract only, and is told again', async () => {
    await writeFile(path('adler.key'), digestOf('organisation adler'), { mode: 0o600 });
    const approve = (name: string, out: string, ...more: string[]): Promise<Ran> =>
      contract('approve', path(name), '--org-key', path('adler.key'), '--as', 'adler', '--out', path(out), ...more);
    expect((await approve('successor.cbor', 'a1.cbor')).stdout).toContain(
      `approves a successor of contract ${toHex(previous.digest)} after its round 1`,
    );
    expect((await approve('successor.cbor', 'a2.cbor', '--json')).json()).toMatchObject({
      succeeds: toHex(previous.digest),
      afterRound: 1,
    });
    await writeFile(path('first.cbor'), testContract({ validity: (await read('anew.cbor')).contract.validity }).bytes);
    const first = await approve('first.cbor', 'a3.cbor');
    expect(first.exit).toBe(0);
    expect(first.stdout).not.toContain('approves a successor');
  });
});
