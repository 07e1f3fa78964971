import { chmod, cp, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { contractCommand } from '../../../../cli/commands/contract.ts';
import { measure } from '../../../../cli/setup/draft.ts';
import { initOrganisation } from '../../../../cli/setup/organisation.ts';
import { confirmOrganisation } from '../../../../cli/setup/overlay.ts';
import { openApproval, openWithdrawal } from '../../../../lib/contract/approval.ts';
import { openContract, type Organisation, type SealedContract } from '../../../../lib/contract/study-contract.ts';
import { toHex } from '../../../../lib/core/bytes.ts';
import { instant, organisationId } from '../../../../lib/core/ids.ts';
import { noisePlan, noisyContract } from '../../../support/noisy-contract.ts';
import { must } from '../../../support/study-in-memory.ts';
import { digestOf, hardwarePolicy, testContract } from '../../../support/test-contract.ts';
import { runCommand, testFolder, type Ran } from './run-command.ts';

const STUDY = fileURLToPath(new URL('../../../../examples/heart-disease/study.yaml', import.meta.url));
const HOSPITALS = ['adler', 'birch', 'cedar'];
const path = testFolder();
const organisations: Organisation[] = [];
const publicFile = (id: string): string => path(id, 'organisation.json');
const contract = (...argv: string[]): Promise<Ran> => runCommand(contractCommand, 'contract', ...argv);
const draft = (name: string, ...more: string[]): Promise<Ran> =>
  contract('draft', '--study', STUDY, '--org', ...HOSPITALS.map(publicFile), '--out', path(name), ...more);
const read = async (name: string): Promise<SealedContract> =>
  must(openContract(new Uint8Array(await readFile(path(name)))));

beforeAll(async () => {
  for (const id of HOSPITALS) {
    const parts = { id: organisationId(id), name: `${id} hospital`, seed: digestOf(id) };
    organisations.push(await initOrganisation(path(id), parts));
  }
  await draft('contract.cbor', '--data-class', 'synthetic');
});

describe('consilium contract draft', () => {
  test('takes the study file, the organisations and the measurements of this source', async () => {
    const sealed = await read('contract.cbor');
    const { environment, rounds, kMin, appraisal, dataClass } = sealed.contract;
    expect({ environment, rounds, kMin, dataClass }).toEqual({
      environment: 'simulation',
      rounds: 20,
      kMin: 3,
      dataClass: 'synthetic',
    });
    expect(sealed.contract.organisations).toEqual(organisations);
    expect(appraisal.enclave.measurements).toEqual([measure('enclave-simulation').digest]);
    expect(appraisal.site.measurements).toEqual([measure('site-simulation').digest]);
    expect(appraisal.enclave.instances).toBeNull();
  });

  test('takes what stands on the line instead', async () => {
    const [a, b] = [toHex(digestOf('a')), toHex(digestOf('b'))];
    const given = [
      '--enclave-measurement',
      a,
      b,
      '--site-instance',
      'm1',
      'm2',
      '--rounds',
      '5',
      '--k-min',
      '2',
      '--json',
    ];
    const { exit, json } = await draft('other.cbor', ...given);
    const { contract: made, digest } = await read('other.cbor');
    expect({ exit, ...json() }).toEqual({
      exit: 0,
      type: 'drafted',
      contract: toHex(digest),
      file: path('other.cbor'),
    });
    expect(made).toMatchObject({ rounds: 5, kMin: 2 });
    expect(made.appraisal.enclave.measurements.map(toHex)).toEqual([a, b]);
    expect(made.appraisal.site).toMatchObject({
      instances: ['m1', 'm2'],
      measurements: [measure('site-simulation').digest],
    });
  });

  test.each<[string, string[], number, string]>([
    ['more in a cohort than there are hospitals', ['--k-min', '4'], 65, 'kMin: more than there are organisations'],
    ['an organisation twice', ['--org', publicFile('adler')], 65, 'an id stands twice'],
    ['a bad measurement', ['--enclave-measurement', 'XY'], 64, 'must be 64 lower-case hexadecimal digits'],
    ['a data class that does not exist', ['--data-class', 'secret'], 64, 'Allowed choices are'],
    ['no rounds', ['--rounds', '0'], 64, 'must be a whole number from 1'],
    ['a flag that is misspelt', ['--kmin', '3'], 64, 'did you mean --k-min?'],
  ])('refuses %s', async (_what, more, exit, message) => {
    const ran = await draft('refused.cbor', ...more);
    expect(ran.exit).toBe(exit);
    expect(ran.stderr).toContain(message);
    await expect(readFile(path('refused.cbor'))).rejects.toThrow('ENOENT');
  });

  test('overwrites nothing', async () => {
    const before = await readFile(path('contract.cbor'));
    expect((await draft('contract.cbor')).exit).toBe(78);
    expect(await readFile(path('contract.cbor'))).toEqual(before);
  });
});

describe('consilium contract show', () => {
  test('says what a privacy officer must know', async () => {
    const { stdout } = await contract('show', path('contract.cbor'));
    const { digest, contract: shown } = await read('contract.cbor');
    const said = stdout.replaceAll(/\s+/g, ' ');
    for (const fact of [
      'SIMULATION. Attestation under this contract is simulated and protects nothing',
      toHex(digest),
      'Estimate the probability of angiographic coronary artery disease',
      'at least 3 of these 3 in every released model',
      '2 that collude can single out the update of another hospital',
      'Never rows, or values of a row',
      'no noise is added and no differential privacy is claimed',
      'Model goes to the hospitals that took part, nobody else',
      'logistic regression, 13 inputs, layers 1 sigmoid: 14 learned numbers',
      '20 rounds of 4 gradient steps over all rows, learning rate 0.5',
      'steps of 2^-22; a number changes by at most 4 a round',
      new Date(shown.validity.notAfter).toISOString().slice(0, 10),
      'synthetic; results are kept 90 days',
      toHex(measure('enclave-simulation').digest),
    ])
      expect(said).toContain(fact);
    for (const { id, name } of organisations)
      expect(stdout).toMatch(new RegExp(`^${id} +${name} +\\w+( \\w+){5}$`, 'm'));
  });

  const published = ['--records', 'adler=200', 'birch=170', 'cedar=30'];

  test('says what leaves, and what one record pays, where the enclave adds the noise', async () => {
    await draft('enclave.cbor', '--noise', 'enclave', '--epsilon', '2.5', ...published);
    const said = (await contract('show', path('enclave.cbor'))).stdout.replaceAll(/\s+/g, ' ');
    const { privacy } = (await read('enclave.cbor')).contract;
    if (privacy.placement !== 'enclave') throw new Error('another placement');
    for (const fact of [
      'Never rows, or values of a row; how many rows a hospital really has, or drew for a step; its training loss',
      'one update: for each of the 14 learned numbers the sum of the clipped gradients of a random sample of the hospital’s records, without noise, and nothing else',
      'nothing but the model made of the sum and the noise',
      'rounds together cost a record at most ε = 2.5 at δ = 0.0001 (1 in 10 000): one record more or less',
      '(unit: record; neighbouring: add or remove)',
      // e^2.5 · 0.01 + 0.0001 = 0.1219
      'recognises at most 12.2 % of those that were',
      `every record is drawn with chance ${privacy.samplingRate}, each for itself; its gradient is cut to a Euclidean norm of ${privacy.clip}`,
      `with a deviation of ${Number(privacy.noiseMultiplier.toPrecision(5))} times what one record can move it`,
      'not against whoever can read the enclave’s memory',
      'as it publishes them, rounded: adler 200, birch 170, cedar 30. Expected batches come from these',
      '2 that collude can single out the update of another hospital, but for the noise',
    ])
      expect(said).toContain(fact);
    expect(said).not.toMatch(/no noise is added|number of training rows/);
  });

  test('and where each hospital adds it', async () => {
    await draft('site.cbor', '--noise', 'site', '--epsilon', '0.8', ...published);
    const said = (await contract('show', path('site.cbor'))).stdout.replaceAll(/\s+/g, ' ');
    for (const fact of [
      'in a model that the hospital trained with noise in every step, and the published number of its records',
      'cost a record at most ε = 0.8 at δ = 0.0001',
      'at each hospital, before anything leaves: it protects against the enclave and the other hospitals too',
      'Weights and expected batches come from these, never from true counts.',
    ])
      expect(said).toContain(fact);
  });

  test('shows whose keys this hospital has confirmed, and a key that is another', async () => {
    const overlay = path('officer.yaml');
    const [adler, birch] = organisations;
    if (adler === undefined || birch === undefined) throw new Error('no organisations');
    await confirmOrganisation(overlay, adler, new Date());
    await confirmOrganisation(overlay, { ...birch, key: adler.key }, new Date());
    const { stdout } = await contract('show', path('contract.cbor'), '--overlay', overlay);
    expect(stdout).toMatch(/^adler .* yes$/m);
    expect(stdout).toMatch(/^birch .* ANOTHER KEY$/m);
    expect(stdout).toMatch(/^cedar .* no$/m);
  });

  test('gives every field to programs', async () => {
    const shown = (await contract('show', path('contract.cbor'), '--json')).json();
    const { contract: want, digest } = await read('contract.cbor');
    expect(shown).toMatchObject({ type: 'contract', digest: toHex(digest) });
    const asHex: unknown = JSON.parse(
      JSON.stringify(want, (_key, value: unknown) => (value instanceof Uint8Array ? toHex(value) : value)),
    );
    expect(shown['contract']).toEqual(asHex);
  });

  test('a production contract bears no banner', async () => {
    const sealed = testContract({
      environment: 'production',
      appraisal: { enclave: hardwarePolicy, site: hardwarePolicy },
    });
    await writeFile(path('production.cbor'), sealed.bytes);
    expect((await contract('show', path('production.cbor'))).stdout).not.toContain('SIMULATION');
  });

  test('names from a contract cannot steer the terminal', async () => {
    const study = { ...testContract().contract.study, title: 'harmless\u001b[2J\u202etitle' };
    await writeFile(path('hostile.cbor'), testContract({ study }).bytes);
    // eslint-disable-next-line no-control-regex -- exactly these must not come through
    expect((await contract('show', path('hostile.cbor'))).stdout).not.toMatch(/[\u001b\u202e]/);
  });

  test('what is no contract is refused', async () => {
    await writeFile(path('junk.cbor'), 'junk');
    expect(await contract('show', path('junk.cbor'))).toMatchObject({ exit: 65 });
    expect(await contract('show', path('nowhere.cbor'))).toMatchObject({ exit: 78 });
  });
});

test('every command refuses a contract whose noise does not keep its epsilon', async () => {
  const sealed = noisyContract('enclave', { privacy: noisePlan('enclave', { noiseMultiplier: 1.5 }) });
  await writeFile(path('broken-promise.cbor'), sealed.bytes);
  const ran = await contract('show', path('broken-promise.cbor'));
  expect(ran.exit).not.toBe(0);
  expect(ran.stderr).toMatch(/broken-promise\.cbor: privacy: the noise gives an epsilon of [^]*E-CONTRACT-INVALID/);
});

describe('PROTOCOL §6.1: consilium contract approve', () => {
  const approve = (id: string, out: string, ...more: string[]): Promise<Ran> =>
    contract(
      'approve',
      path('contract.cbor'),
      '--org-key',
      path('adler', 'organisation.key'),
      '--as',
      id,
      '--out',
      path(out),
      ...more,
    );

  test('signs exactly this contract, after showing it', async () => {
    const { exit, stdout } = await approve('adler', 'approval.cbor');
    expect(exit).toBe(0);
    expect(stdout.indexOf('Purpose')).toBeLessThan(stdout.indexOf('Approved by adler until'));
    const sealed = await read('contract.cbor');
    const bytes = new Uint8Array(await readFile(path('approval.cbor')));
    const { document } = must(openApproval(bytes, { sealed, at: instant(Date.now()) }));
    expect(document).toMatchObject({
      organisation: 'adler',
      expires: sealed.contract.validity.notAfter,
      epsilonBudget: null,
    });
  });

  test.each([
    ['2026-11-30', (): number => Date.parse('2026-11-30T23:59:59.999Z')],
    ['2026-11-30T12:00:00Z', (): number => Date.parse('2026-11-30T12:00:00Z')],
    ['2999-01-01', async (): Promise<number> => (await read('contract.cbor')).contract.validity.notAfter],
  ])('--expires %s', async (date, want) => {
    const future = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
    const asked = date.replace('2026-11-30', future);
    const { exit, json } = await approve('adler', `until-${asked}.cbor`, '--expires', asked, '--json');
    expect(exit).toBe(0);
    const wanted = date.startsWith('2026')
      ? Date.parse(asked.includes('T') ? asked : `${asked}T23:59:59.999Z`)
      : await want();
    expect(Date.parse(String(json()['expires']))).toBe(wanted);
  });

  test.each<[string, string, string[], number, string]>([
    ['a key that is not the organisation’s', 'birch', [], 77, 'E-ORG-KEY'],
    ['an organisation that is not in the contract', 'dogwood', [], 77, 'E-ORG-UNKNOWN'],
    ['an end in the past', 'adler', ['--expires', '2020-01-01'], 64, 'lies in the past'],
    ['a day that does not exist', 'adler', ['--expires', '2027-02-30'], 64, 'must be a date'],
    ['an epsilon where no noise bounds one', 'adler', ['--epsilon-budget', '0.5'], 64, 'adds no noise'],
    ['no epsilon at all', 'adler', ['--epsilon-budget', '0'], 64, 'must be a number above 0'],
    ['a date in words', 'adler', ['--expires', 'next year'], 64, 'must be a date'],
  ])('refuses %s, and signs nothing', async (_what, id, more, exit, message) => {
    const ran = await approve(id, 'refused-approval.cbor', ...more);
    expect(ran.exit).toBe(exit);
    expect(ran.stderr).toContain(message);
    await expect(readFile(path('refused-approval.cbor'))).rejects.toThrow('ENOENT');
  });

  test('names how much privacy a contract with noise may spend: what it plans, or less', async () => {
    const publicRecords = organisations.map(({ id: organisation }) => ({ organisation, records: 150 }));
    const privacy = noisePlan('enclave', { publicRecords });
    const validity = { notBefore: instant(1), notAfter: instant(Date.now() + 86_400_000) };
    const sealed = noisyContract('enclave', { organisations, privacy, validity });
    await writeFile(path('noisy.cbor'), sealed.bytes);
    const key = path('adler', 'organisation.key');
    const sign = async (out: string, ...more: string[]): Promise<{ said: string; epsilon: number | null }> => {
      const options = ['--org-key', key, '--as', 'adler', '--out', path(out), ...more];
      const { exit, stdout } = await contract('approve', path('noisy.cbor'), ...options);
      expect(exit).toBe(0);
      const opened = openApproval(new Uint8Array(await readFile(path(out))), { sealed, at: instant(Date.now()) });
      return { said: stdout.replaceAll(/\s+/g, ' '), epsilon: must(opened).document.epsilonBudget };
    };
    const whole = await sign('whole.cbor');
    expect(whole.epsilon).toBe(2.5);
    expect(whole.said).toContain('It may spend ε 2.5 at δ 0.00001 on each record of yours, of 2.5 that the contract');
    expect(whole.said).not.toContain('stops before');
    const less = await sign('less.cbor', '--epsilon-budget', '0.75');
    expect(less.epsilon).toBe(0.75);
    expect(less.said).toContain('Your agent stops before the round that would exceed it.');
    const told = await sign('told.cbor', '--epsilon-budget', '0.75', '--json');
    expect(told.said).toContain('"epsilonBudget":0.75');
  });

  test('refuses a contract that has ended', async () => {
    const validity = { notBefore: instant(1), notAfter: instant(Date.now() - 1000) };
    await writeFile(path('ended.cbor'), testContract({ organisations, validity }).bytes);
    const key = path('adler', 'organisation.key');
    const ran = await contract(
      'approve',
      path('ended.cbor'),
      '--org-key',
      key,
      '--as',
      'adler',
      '--out',
      path('no.cbor'),
    );
    expect(ran.exit).toBe(77);
    expect(ran.stderr).toContain('E-CONTRACT-EXPIRED');
  });

  test('refuses a key that others may read, and one that is no key', async () => {
    await cp(path('adler', 'organisation.key'), path('open.key'));
    await chmod(path('open.key'), 0o644);
    await writeFile(path('short.key'), 'short', { mode: 0o600 });
    for (const [key, rule] of [
      ['open.key', 'chmod 600'],
      ['short.key', 'is not an organisation key'],
    ] as const) {
      const ran = await contract(
        'approve',
        path('contract.cbor'),
        '--org-key',
        path(key),
        '--as',
        'adler',
        '--out',
        path('no.cbor'),
      );
      expect(ran.exit).toBe(78);
      expect(ran.stderr).toContain(rule);
      expect(ran.stderr).not.toContain(toHex(digestOf('adler')));
    }
  });
});

describe('PROTOCOL §6.3: consilium contract withdraw', () => {
  const withdraw = (...more: string[]): Promise<Ran> =>
    contract('withdraw', path('contract.cbor'), '--org-key', path('cedar', 'organisation.key'), '--as', ...more);

  test('signs a withdrawal of this organisation from this contract', async () => {
    expect((await withdraw('cedar', '--out', path('withdrawal.cbor'), '--json')).json()).toMatchObject({ sent: false });
    const sealed = await read('contract.cbor');
    const bytes = new Uint8Array(await readFile(path('withdrawal.cbor')));
    const context = { contract: sealed.contract, contractDigest: sealed.digest };
    expect(must(openWithdrawal(bytes, context)).document.organisation).toBe('cedar');
  });

  test('asks where it should go, and refuses the key of somebody else', async () => {
    expect((await withdraw('cedar')).stderr).toContain('give --config to send the withdrawal, or --out to write it');
    expect((await withdraw('adler', '--out', path('no.cbor'))).stderr).toContain('E-ORG-KEY');
  });
});
