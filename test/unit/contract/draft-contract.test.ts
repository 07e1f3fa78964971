import { describe, expect, it } from 'vitest';
import type { AppraisalPolicy } from '../../../lib/contract/appraisal-policy.ts';
import { draftContract, type Draft } from '../../../lib/contract/draft-contract.ts';
import { openContract, type Organisation, type SealedContract } from '../../../lib/contract/study-contract.ts';
import { parseStudyFile, type StudyFile } from '../../../lib/contract/study-file.ts';
import { toHex } from '../../../lib/core/bytes.ts';
import type { Refusal } from '../../../lib/core/errors.ts';
import { instant, organisationId, type Digest, type PublicKey } from '../../../lib/core/ids.ts';
import type { Result } from '../../../lib/core/result.ts';
import { sampleStudy } from './sample-study.ts';

const digestOf = (byte: number): Digest => new Uint8Array(32).fill(byte) as Digest;
const policy: AppraisalPolicy = {
  platforms: ['simulated'],
  measurements: [digestOf(1)],
  instances: null,
  minSvn: 0,
  evidence: null,
};
const organisation = (name: string, key: number): Organisation => ({
  id: organisationId(name),
  name,
  key: new Uint8Array(32).fill(key) as PublicKey,
});

function file(changes: object = {}): StudyFile {
  const parsed = parseStudyFile({ ...sampleStudy(), ...changes });
  if (!parsed.ok) throw new Error(parsed.error.detail);
  return parsed.value;
}
const draft = (changes: Partial<Draft> = {}): Result<SealedContract, Refusal> =>
  draftContract({
    file: file(),
    organisations: [organisation('a', 1), organisation('b', 2), organisation('c', 3)],
    layoutDigest: digestOf(4),
    initialDigest: digestOf(5),
    appraisal: { enclave: policy, site: policy },
    environment: 'simulation',
    at: instant(1_700_000_000_000),
    privacy: { placement: 'none' },
    ...changes,
  });
function sealed(result: Result<SealedContract, Refusal>): SealedContract {
  if (!result.ok) throw new Error(result.error.detail);
  return result.value;
}

describe('a drafted contract', () => {
  it('says what the study file says and opens from its bytes', () => {
    const { contract, bytes, digest } = sealed(draft());
    expect(contract).toMatchObject({
      study: { id: 'sample' },
      rounds: 3,
      kMin: 2,
      dataClass: 'synthetic',
      model: { spec: { inputs: 3 }, layoutDigest: digestOf(4), initialDigest: digestOf(5) },
      validity: { notBefore: 1_700_000_000_000, notAfter: 1_700_000_000_000 + 7 * 86_400_000 },
      predecessor: null,
    });
    expect(contract).not.toHaveProperty('files');
    const opened = openContract(bytes);
    expect(opened.ok && toHex(opened.value.digest)).toBe(toHex(digest));
  });

  it('is the same bytes from the same draft, and others from any other', () => {
    const digests = [
      draft(),
      draft({ file: file({ rounds: 4 }) }),
      draft({ kMin: 3 }),
      draft({ dataClass: 'deidentified' }),
      draft({ at: instant(1_700_000_000_001) }),
      draft({ initialDigest: digestOf(6) }),
    ].map((result) => toHex(sealed(result).digest));
    expect(new Set(digests).size).toBe(digests.length);
    expect(toHex(sealed(draft()).digest)).toBe(digests[0]);
  });

  it('takes kMin and data class from the draft before the file', () => {
    const changed = sealed(draft({ kMin: 3, dataClass: 'limited' })).contract;
    expect(changed).toMatchObject({ rounds: 3, kMin: 3, dataClass: 'limited' });
  });

  it('is refused where a sum of updates could lose digits', () => {
    const grid = { stepLog2: -20, coordinateBound: 2 ** 31 - 1, weightCap: 2 ** 22, l2Bound: 1 };
    expect(draft({ file: file({ grid }) })).toEqual({
      ok: false,
      error: {
        code: 'E-CONTRACT-OVERFLOW',
        detail: 'grid',
        got: String(3n * (2n ** 31n - 1n) * 2n ** 22n),
        want: 'less than 2^53',
      },
    });
    expect(draft({ file: file({ grid: { ...grid, weightCap: 2 ** 20 } }) }).ok).toBe(true);
  });

  it.each<[string, Partial<Draft>, string]>([
    ['more hospitals demanded than there are', { kMin: 4 }, 'kMin'],
    ['a hospital twice', { organisations: [organisation('a', 1), organisation('a', 2)] }, 'organisations: an id'],
    ['a key twice', { organisations: [organisation('a', 1), organisation('b', 1)] }, 'organisations: a key'],
    ['no hospital', { organisations: [] }, 'organisations'],
    ['simulated evidence in production', { environment: 'production' }, 'appraisal'],
    ['zero rounds', { file: { ...file(), rounds: 0 } }, 'rounds'],
    ['a required hospital that is not there', { file: file({ requireSites: ['z'] }) }, 'requireSites'],
    ['an unprotected model for the coordinator', { file: file({ releaseTo: 'sites+coordinator' }) }, 'releaseTo'],
  ])('is refused with %s', (_what, changes, field) => {
    const result = draft(changes);
    expect(result).toMatchObject({ ok: false, error: { code: 'E-CONTRACT-INVALID' } });
    expect(!result.ok && result.error.detail).toContain(field);
  });
});
