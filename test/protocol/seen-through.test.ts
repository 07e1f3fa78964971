import { expect, it } from 'vitest';
import { signWithdrawal } from '../../lib/contract/approval.ts';
import { closeCollection, collectUpdates, phaseOf, until } from '../support/round-in-process.ts';
import { StudyInProcess } from '../support/study-in-process.ts';
import { organisationSigner, START, testContract } from '../support/test-contract.ts';

it('§6.3: a hospital that withdrew behind its upload dials again, and acknowledges what it is part of', async () => {
  const organisations = testContract().contract.organisations.slice(0, 3);
  const sealed = testContract({ organisations });
  const study = await StudyInProcess.start(sealed);
  study.connect();
  await collectUpdates(study, { round: 1 });
  const [, , cedar] = study.sites;
  if (cedar === undefined) throw new Error('three hospitals');
  const leaving = { contract: sealed.digest, organisation: cedar.id, at: START };
  await cedar.agent.withdraw(signWithdrawal(leaving, organisationSigner(cedar.id)));
  const withdrawn = (): boolean =>
    'ledger' in study.enclave.state && study.enclave.state.ledger.withdrawn.has(cedar.id);
  await until(withdrawn);
  // Its line breaks before it hears of the intent.
  cedar.stop();
  await until(() => cedar.ended);
  await closeCollection(study);
  study.connect([cedar]);
  await until(() => phaseOf(study) === 'released');
  study.stop();
  expect(withdrawn()).toBe(true);
});
