import { beforeAll, describe, expect, it } from 'vitest';
import type { EnclaveCommand } from '../../../aggregator-enclave/event.ts';
import { signAcknowledgement } from '../../../lib/audit/acknowledgement.ts';
import { signWithdrawal } from '../../../lib/contract/approval.ts';
import { signEndorsement } from '../../../lib/contract/endorsement.ts';
import { signerFromSeed } from '../../../lib/core/ed25519.ts';
import { instant } from '../../../lib/core/ids.ts';
import { initialWeights } from '../../../lib/learning/initial-weights.ts';
import { MemoryStudy, must } from '../../support/study-in-memory.ts';
import {
  DAY_MS,
  digestOf,
  organisationSigner,
  START,
  testApproval,
  testContract,
} from '../../support/test-contract.ts';

/** Everything may arrive twice: transports repeat, sites and coordinator send again after a restart. */
describe('what was already done changes nothing when it is asked again', () => {
  let study: MemoryStudy;
  const again = (command: EnclaveCommand): void => {
    const before = study.enclave.state;
    expect(must(study.enclave.handle(command))).toEqual([]);
    expect(study.enclave.state).toBe(before);
  };
  beforeAll(() => {
    study = new MemoryStudy(testContract());
  });

  it('boot, approvals and withdrawals', () => {
    const { enclave, sealed } = study.fork();
    const weights = initialWeights(sealed.contract.model.spec);
    const noiseRoot = digestOf('another root');
    expect(must(enclave.handle({ type: 'boot', at: START, noiseRoot, initialWeights: weights }))).toEqual([]);
    const approval = testApproval(sealed, enclaveMember(study, 0));
    expect(must(enclave.handle({ type: 'record-approval', at: START, approval }))).toEqual([]);
    const organisation = enclaveMember(study, 1);
    const withdrawal = signWithdrawal(
      { contract: sealed.digest, organisation, at: START },
      organisationSigner(organisation),
    );
    const command = { type: 'receive-withdrawal', from: organisation, withdrawal } as const;
    expect(must(enclave.handle(command))).toHaveLength(1);
    expect(must(enclave.handle(command))).toEqual([]);
  });

  it('an approval on record, even when it has expired since: a host hands in what it stored', () => {
    const { enclave, sealed } = study.fork();
    const late = instant(START + 200 * DAY_MS);
    const approval = testApproval(sealed, enclaveMember(study, 0));
    expect(must(enclave.handle({ type: 'record-approval', at: late, approval }))).toEqual([]);
    const other = testApproval(sealed, enclaveMember(study, 0), 150);
    const refused = enclave.handle({ type: 'record-approval', at: late, approval: other });
    expect(refused.ok ? 'recorded' : refused.error.code).toBe('E-APPROVAL-INVALID');
  });

  it('every message of a round, in the phase it belongs to', () => {
    const { enclave, sites } = study;
    study.open(1);
    again({ type: 'open-round', at: START, round: 1, attempt: 1 });
    for (const site of sites) {
      const { commit, endorsement } = site.activity('committed');
      const from = site.environment.organisation;
      must(enclave.handle({ type: 'receive-commit', at: START, from, commit, endorsement }));
      again({ type: 'receive-commit', at: START, from, commit, endorsement });
    }
    study.lock();
    again({ type: 'lock-cohort', at: START });
    for (const site of sites) {
      const from = site.environment.organisation;
      must(study.uploadOne(site, site.payload()));
      again({ type: 'lock-cohort', at: START });
      again({ type: 'receive-header', from, header: site.activity('uploading').header });
      again({ type: 'receive-update', from, payload: site.payload() });
    }
    study.close();
    again({ type: 'close-collection', at: START, salt: digestOf('another salt') });
    for (const site of sites.slice(0, 3)) {
      study.acknowledge([site]);
      const { acknowledgement } = site.activity('acknowledged');
      const { endorsement } = site;
      const from = site.environment.organisation;
      again({ type: 'receive-acknowledgement', at: START, from, acknowledgement, endorsement });
    }
  });

  it('an acknowledgement signed anew by a restarted site, under a fresh endorsement', () => {
    const fork = study.fork();
    const site = fork.site('adler');
    const { organisation } = site.environment;
    const signer = signerFromSeed(digestOf('second boot of adler'));
    const { intent } = site.activity('acknowledged');
    const fields = { contract: fork.sealed.digest, organisation, intent: intent.digest, at: START };
    const endorsement = signEndorsement(
      {
        organisation,
        bootKey: signer.publicKey,
        contract: fork.sealed.digest,
        issued: START,
        expires: instant(START + DAY_MS),
      },
      organisationSigner(organisation),
    );
    const command = {
      type: 'receive-acknowledgement',
      at: START,
      from: organisation,
      acknowledgement: signAcknowledgement(fields, signer),
      endorsement,
    } as const;
    expect(must(fork.enclave.handle(command))).toEqual([]);
  });

  it('the last acknowledgement releases once, and the deadline after it releases nothing more', () => {
    study.acknowledge([study.site('dogwood')]);
    expect(study.enclave.state.phase).toBe('released');
    again({ type: 'close-acknowledgement', at: START });
    expect(study.enclave.statements().filter(({ statement }) => statement.type === 'release')).toHaveLength(1);
  });

  it('statements and releases at a site', () => {
    study.deliver();
    const { enclave } = study;
    for (const site of study.sites) {
      const before = site.state;
      for (const statement of enclave.statements()) expect(must(site.see(statement))).toEqual([]);
      const release = { type: 'receive-release', bundle: enclave.bundle(), weights: enclave.weights() } as const;
      expect(must(site.handle(release))).toEqual([]);
      const bootKey = enclave.environment.signer.publicKey;
      expect(must(site.handle({ type: 'trust-boot-key', bootKey }))).toEqual([]);
      expect(site.state).toBe(before);
    }
  });
});

function enclaveMember(study: MemoryStudy, index: number) {
  const site = study.sites[index];
  if (site === undefined) throw new Error(`no site ${index}`);
  return site.environment.organisation;
}
