import type { Attester } from '../attestation/attester.ts';
import { configfsTsm, tsmProvider } from '../attestation/attesters/configfs-tsm.ts';
import type { DeviceIoctl } from '../attestation/attesters/device-ioctl.ts';
import { detectPlatforms, type DetectPorts, type Finding } from '../attestation/attesters/detect.ts';
import { dstack } from '../attestation/attesters/dstack.ts';
import { gramine } from '../attestation/attesters/gramine.ts';
import { hardwareAttester, type EvidenceCollector } from '../attestation/attesters/hardware-attester.ts';
import { nitroEnclave, nsmDevice } from '../attestation/attesters/nsm.ts';
import { sevGuest } from '../attestation/attesters/sev-guest.ts';
import { noSealingKey, sealingKeys, type SealingKeys, type SealingRoot } from '../attestation/sealing/sealing-keys.ts';
import { dstackRoot } from '../attestation/sealing/dstack-sealing.ts';
import { gramineRoot } from '../attestation/sealing/gramine-sealing.ts';
import { snpRoot } from '../attestation/sealing/snp-sealing.ts';
import { tdxRoot } from '../attestation/sealing/tdx-sealing.ts';
import type { AttestationSettings } from '../config/program-fields.ts';
import { refusal, RefusalError } from '../core/errors.ts';

/** Platforms that a program can ask for evidence of its own. */
export type OwnPlatform = Exclude<AttestationSettings['platform'], 'auto'>;

/** The machine as a program sees it; another one in tests. */
export interface MachinePorts extends DetectPorts {
  readonly ioctl: DeviceIoctl;
}

export interface OwnAttester {
  readonly platform: OwnPlatform;
  readonly attester: Attester;
  /** Keys bound to this program on this platform; asking may be refused (E-SEAL-UNAVAILABLE). */
  readonly sealing: SealingKeys;
}

/** Looked for in this order: a wrapper before the processor that it wraps. */
const ORDER: readonly OwnPlatform[] = ['dstack', 'sgx', 'nitro', 'sev-snp', 'tdx'];

/**
 * The attester that the settings name, or the first platform that is ready. E-ATTEST-PLATFORM: none is, with what was
 * looked for and what a person can do about it.
 */
export async function ownAttester(settings: AttestationSettings, ports: MachinePorts): Promise<OwnAttester> {
  const platform = settings.platform === 'auto' ? await found(ports) : settings.platform;
  const { collector, root } = partsOf(platform, settings, ports);
  return { platform, attester: hardwareAttester(collector), sealing: sealingKeys(root, 'enclave') };
}

async function found(ports: MachinePorts): Promise<OwnPlatform> {
  const findings = await detectPlatforms(ports);
  const ready = ORDER.find((platform) =>
    findings.some((finding) => finding.platform === platform && finding.state === 'ready'),
  );
  if (ready !== undefined) return ready;
  const looked = findings.filter(({ platform }) => platform !== 'nvidia-gpu').map(described);
  throw new RefusalError(refusal('E-ATTEST-PLATFORM', `no TEE on this machine: ${looked.join('; ')}`));
}

const described = ({ platform, found: what, next }: Finding): string =>
  `${platform}: ${what}${next === null ? '' : ` (${next})`}`;

interface Parts {
  readonly collector: EvidenceCollector;
  readonly root: SealingRoot;
}

function partsOf(platform: OwnPlatform, { vmpl }: AttestationSettings, ports: MachinePorts): Parts {
  const { files, ioctl } = ports;
  switch (platform) {
    case 'dstack':
      return { collector: dstack(ports.dstack), root: dstackRoot(ports.dstack) };
    case 'sgx':
      return { collector: gramine(files), root: gramineRoot(files, 'mrenclave') };
    case 'nitro':
      return { collector: nitroEnclave(nsmDevice(ioctl)), root: noKms };
    case 'sev-snp':
      return {
        collector: snpCollector(ports, vmpl),
        root: snpRoot({ ioctl, ...(vmpl === undefined ? {} : { vmpl }) }),
      };
    case 'tdx':
      return { collector: configfsTsm({ files, platform: 'tdx' }), root: tdxRoot };
  }
}

/** configfs-tsm where the kernel has it, because it hands out the host's certificates as well; else the older device. */
function snpCollector({ files, ioctl }: MachinePorts, vmpl: number | undefined): EvidenceCollector {
  const level = vmpl === undefined ? {} : { privilegeLevel: vmpl };
  const modern = configfsTsm({ files, platform: 'sev-snp', ...level });
  const legacy = sevGuest({ ioctl, ...(vmpl === undefined ? {} : { vmpl }) });
  return {
    platform: 'sev-snp',
    collect: async (reportData) => {
      const { kernelHas } = await tsm(files);
      return (kernelHas ? modern : legacy).collect(reportData);
    },
  };
}

const tsm = async (files: MachinePorts['files']): Promise<{ readonly kernelHas: boolean }> => ({
  kernelHas: await tsmProvider(files).then(
    () => true,
    () => false,
  ),
});

const noKms: SealingRoot = {
  name: 'nitro',
  read: async () => {
    const next = 'an enclave on Nitro needs a KMS client of its own (lib/attestation/sealing/kms-sealing.ts)';
    throw noSealingKey('Nitro', 'this version brings no connection to KMS', next);
  },
};
