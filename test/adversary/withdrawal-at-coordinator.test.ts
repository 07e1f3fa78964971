import { describe, expect, it } from 'vitest';
import { signApproval, signWithdrawal } from '../../lib/contract/approval.ts';
import { instant, type OrganisationId } from '../../lib/core/ids.ts';
import { clientOf } from '../../lib/wire/client.ts';
import { controlMethods } from '../../lib/wire/control-codec.ts';
import { coordinatorDesk } from '../support/coordinator-desk.ts';
import { must } from '../support/study-in-memory.ts';
import { DAY_MS, HOSPITALS, organisationSigner, START, testApproval, testContract } from '../support/test-contract.ts';
import { eventually } from '../unit/wire/consortium.ts';
import type { ServedEnclave } from '../unit/wire/hosted-enclave.ts';

const sealed = testContract();
const [adler, birch, cedar] = HOSPITALS as readonly [OrganisationId, OrganisationId, OrganisationId];
const withdrawalOf = (organisation: OrganisationId): Uint8Array =>
  signWithdrawal({ contract: sealed.digest, organisation, at: START }, organisationSigner(organisation));

const { coordinatorOf, enclaveOn } = coordinatorDesk(sealed);

const withdrawnAt = (enclave: ServedEnclave): unknown[] =>
  enclave.log.flatMap(({ event, organisation }) => (event === 'site.withdrawn' ? [organisation] : []));

describe('a hospital that withdrew', () => {
  it('is not brought back by its own agent, which sends the approval again, nor by a restart', async () => {
    const enclave = await enclaveOn();
    const coordinator = await coordinatorOf(enclave);
    for (const id of HOSPITALS)
      must(await coordinator.callAs(id).submitApproval({ approval: testApproval(sealed, id) }));
    must(await coordinator.callAs(adler).submitWithdrawal({ withdrawal: withdrawalOf(adler) }));
    await eventually(() => withdrawnAt(enclave).length > 0);
    expect(withdrawnAt(enclave)).toEqual(['adler']);

    const again = { approval: testApproval(sealed, adler, 200) };
    const refused = { ok: false, error: { code: 'E-SITE-WITHDRAWN' } };
    expect(await coordinator.callAs(adler).submitApproval(again)).toMatchObject(refused);
    await coordinator.stop();
    const later = await coordinatorOf(enclave);
    expect(await later.callAs(adler).submitApproval(again)).toMatchObject(refused);
    expect(must(await later.callAs(birch).getContract({})).approvals).toHaveLength(3);
  });

  it('is also gone for an enclave that comes to hear of it later', async () => {
    const first = await coordinatorOf(await enclaveOn());
    for (const id of HOSPITALS) must(await first.callAs(id).submitApproval({ approval: testApproval(sealed, id) }));
    for (const id of [adler, birch]) must(await first.callAs(id).submitWithdrawal({ withdrawal: withdrawalOf(id) }));
    await first.stop();
    const fresh = await enclaveOn();
    await coordinatorOf(fresh);
    await eventually(() => withdrawnAt(fresh).length === 2);
    const opened = await clientOf(fresh.connection, controlMethods).advance({
      action: 'openRound',
      round: 1,
      attempt: 1,
    });
    expect(opened).toMatchObject({ ok: false, error: { code: 'E-APPROVALS-MISSING' } });
  });

  it('cannot be put out, or in, by another member that holds its documents', async () => {
    const enclave = await enclaveOn();
    const coordinator = await coordinatorOf(enclave);
    const stranger = { ok: false, error: { code: 'E-ORG-IDENTITY', got: 'consilium://site/birch' } };
    const asBirch = coordinator.callAs(birch);
    expect(await asBirch.submitApproval({ approval: testApproval(sealed, adler) })).toMatchObject(stranger);
    must(await coordinator.callAs(adler).submitApproval({ approval: testApproval(sealed, adler) }));
    expect(await asBirch.submitWithdrawal({ withdrawal: withdrawalOf(adler) })).toMatchObject(stranger);
    expect(withdrawnAt(enclave)).toEqual([]);
  });
});

describe('an approval that was sent before', () => {
  it('does not shorten a later one; an expired one is handed to nobody', async () => {
    const coordinator = await coordinatorOf(await enclaveOn());
    const approve = (organisation: OrganisationId, expires: number): Uint8Array =>
      signApproval(
        { contract: sealed.digest, organisation, epsilonBudget: null, expires: instant(expires) },
        organisationSigner(organisation),
      );
    const long = approve(cedar, START + DAY_MS);
    for (const approval of [approve(cedar, START + 60_000), long, approve(cedar, START + 60_000)])
      must(await coordinator.callAs(cedar).submitApproval({ approval }));
    expect(must(await coordinator.callAs(birch).getContract({})).approvals).toEqual([long]);
  });
});
