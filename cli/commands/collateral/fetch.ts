import { InvalidArgumentError } from 'commander';
import type { CollateralRequest } from '../../../lib/attestation/collateral-fetch/collateral-request.ts';
import type { VendorRoots } from '../../../lib/attestation/trust/vendor-roots.ts';
import { RefusalError, type Refusal } from '../../../lib/core/errors.ts';
import { addExamples, type CliIo, type CommandModule } from '../../command-module.ts';
import { printable } from '../../output/printable.ts';
import { itemJson, itemText } from './item-text.ts';

interface Flags {
  readonly for: readonly string[];
  readonly into: string;
  readonly intelUrl?: URL;
  readonly intelRootListUrl?: URL;
  readonly amdUrl?: URL;
  readonly nvidiaUrl?: URL;
  readonly nvidiaOcspUrl?: URL;
  readonly json?: true;
}

/** `consilium collateral fetch`: asks the vendors for what evidence needs. */
export const collateralFetch = (roots: VendorRoots): CommandModule => ({
  register(group, io) {
    const command = group
      .command('fetch')
      .summary('ask the vendors for what a piece of evidence needs')
      .description(
        'Reads from evidence which machine it is, asks Intel, AMD or NVIDIA, verifies each answer and stores it. The ' +
          'vendor learns your address and which machine or firmware you ask about (docs/collateral.md). Addresses may ' +
          'point to a mirror of your own: https, or http on this machine.',
      )
      .requiredOption('--for <file...>', 'the evidence')
      .requiredOption('--into <folder>', 'folder of collateral; made if it is not there')
      .option('--intel-url <url>', 'instead of Intel’s provisioning service', serviceUrl)
      .option('--intel-root-list-url <url>', 'instead of Intel’s root revocation list', serviceUrl)
      .option('--amd-url <url>', 'instead of AMD’s key server', serviceUrl)
      .option('--nvidia-url <url>', 'instead of NVIDIA’s RIM service', serviceUrl)
      .option('--nvidia-ocsp-url <url>', 'instead of NVIDIA’s OCSP responder', serviceUrl)
      .action(async () => {
        await run(command.optsWithGlobals<Flags>(), roots, io);
      });
    addExamples(command, [
      ['consilium collateral fetch --for quote.bin --into collateral', 'Everything for one machine:'],
    ]);
  },
});

async function run(flags: Flags, roots: VendorRoots, io: CliIo): Promise<void> {
  const { fetchNeeded } = await import('../../../lib/attestation/collateral-fetch/fetch-needed.ts');
  const { VENDOR_URLS, vendorFetcher } = await import('../../../lib/attestation/collateral-fetch/vendor-fetcher.ts');
  const { storeItems } = await import('../../setup/collateral-files.ts');
  const requests = await requestsOf(flags.for);
  if (requests.length === 0 && !flags.json) {
    io.stdout.write('Nothing is needed: everything comes with this evidence.\n');
  }
  const refused: Refusal[] = [];
  await fetchNeeded(requests, {
    fetcher: vendorFetcher({
      intel: flags.intelUrl ?? VENDOR_URLS.intel,
      intelRootList: flags.intelRootListUrl ?? VENDOR_URLS.intelRootList,
      amd: flags.amdUrl ?? VENDOR_URLS.amd,
      nvidiaRim: flags.nvidiaUrl ?? VENDOR_URLS.nvidiaRim,
      nvidiaOcsp: flags.nvidiaOcspUrl ?? VENDOR_URLS.nvidiaOcsp,
    }),
    accept: (items) => storeItems(flags.into, items, roots),
    report: (what, outcome) => {
      refused.push(...(outcome.ok ? outcome.value.older : outcome.error));
      const stored = outcome.ok ? outcome.value.stored : [];
      if (flags.json) {
        const line = { type: 'collateral-fetched', asked: what, got: outcome.ok, stored: stored.map(itemJson) };
        io.stdout.write(`${JSON.stringify(line)}\n`);
        return;
      }
      io.stdout.write(`${outcome.ok ? 'got   ' : 'failed'}  ${printable(what)}\n`);
      for (const facts of stored) io.stdout.write(`stored  ${printable(itemText(facts))}\n`);
    },
  });
  const [first, ...more] = refused;
  if (first !== undefined) throw new RefusalError(first, ...more);
}

async function requestsOf(files: readonly string[]): Promise<CollateralRequest[]> {
  const { neededCollateral } = await import('../../../lib/attestation/collateral-fetch/needed-collateral.ts');
  const { readNamedFile } = await import('../../../lib/config/named-file.ts');
  const requests: CollateralRequest[] = [];
  for (const file of files) {
    const needed = neededCollateral(await readNamedFile(file, 'E-USAGE'));
    if (!needed.ok) throw new RefusalError(needed.error);
    requests.push(...needed.value);
  }
  return requests;
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** Questions name machines: they travel encrypted, or not off this one. */
function serviceUrl(text: string): URL {
  const url = URL.parse(text);
  const secure = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.includes(url.hostname));
  if (url === null || !secure) throw new InvalidArgumentError('must be https://…, or http://localhost…');
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new InvalidArgumentError('must be without user, password, query and fragment');
  }
  return url;
}
