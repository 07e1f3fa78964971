import { VENDOR_ROOTS, type VendorRoots } from '../../lib/attestation/trust/vendor-roots.ts';
import { HELP_GROUP, type CommandModule } from '../command-module.ts';
import { collateralExport } from './collateral/export.ts';
import { collateralFetch } from './collateral/fetch.ts';
import { collateralImport } from './collateral/import.ts';
import { collateralShow } from './collateral/show.ts';

/** `consilium collateral …`: what hardware vendors sign about their machines, kept up to date. */
export const collateralCommandFor = (roots: VendorRoots): CommandModule => ({
  register(program, io) {
    const group = program
      .command('collateral')
      .helpGroup(HELP_GROUP.check)
      .summary('keep the vendors’ certificates and revocation lists')
      .description(
        'What Intel, AMD and NVIDIA sign about their machines: certificates, revocation lists, lists of flaws, reference ' +
          'measurements. Evidence of real hardware is checked with it. Kept in a folder that never takes a step back: ' +
          'each item is verified before it is stored, and an older issue than was seen before is refused.',
      );
    for (const module of [collateralImport(roots), collateralFetch(roots), collateralShow, collateralExport]) {
      module.register(group, io);
    }
  },
});

export const collateralCommand = collateralCommandFor(VENDOR_ROOTS);
