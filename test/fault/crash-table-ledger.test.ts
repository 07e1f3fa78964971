import './stand-ins.ts';
import type { SealedContract, StudyContract } from '../../lib/contract/study-contract.ts';
import { noisePlan, noisyContract } from '../support/noisy-contract.ts';
import { crashTable, threeHospitals } from './crash-table.ts';
import type { FaultPoint } from './fault-port.ts';

const SITE = 'site birch';
/** Writes of the hospital from the one before its debit to the one that announces its update. */
const BEFORE = 1;
const AFTER = 2;

const withNoise = (change: Partial<StudyContract>): SealedContract => {
  const publicRecords = (change.organisations ?? []).map(({ id: organisation }) => ({ organisation, records: 120 }));
  return noisyContract('site', { ...change, privacy: noisePlan('site', { publicRecords }) });
};

/** PROTOCOL §7.5: whatever is lost around a debit, a round is paid for once, and before its update leaves. */
crashTable(
  'privacy ledger of a site',
  ({ program, kind }, index, points) => {
    if (program !== SITE || kind !== 'write') return false;
    const own = (one: FaultPoint): boolean => one.program === SITE && one.kind === 'write';
    const place = points.slice(0, index).filter(own).length;
    const near = points.filter(own).slice(Math.max(0, place - AFTER), place + BEFORE + 1);
    return near.some(({ what }) => what === 'append to privacy-ledger');
  },
  threeHospitals(withNoise),
);
