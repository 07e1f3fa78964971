import { dstackClient } from '../attestation/attesters/dstack-client.ts';
import { findProgram } from '../attestation/attesters/find-program.ts';
import { koffiIoctl, koffiLoads } from '../attestation/attesters/koffi-ioctl.ts';
import { nodePseudoFiles } from '../attestation/attesters/node-pseudo-files.ts';
import type { MachinePorts } from './own-attester.ts';

/** The machine that this process runs on. */
export const THIS_MACHINE: MachinePorts = {
  files: nodePseudoFiles,
  dstack: dstackClient(),
  koffiLoads,
  findProgram: (name) => findProgram(name),
  ioctl: koffiIoctl,
};
