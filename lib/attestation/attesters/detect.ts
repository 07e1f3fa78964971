import type { Platform } from '../evidence.ts';
import { TSM_ABSENT, tsmProvider } from './configfs-tsm.ts';
import type { DstackClient } from './dstack-client.ts';
import { DSTACK_ABSENT, DSTACK_SOCKET } from './dstack-client.ts';
import { GRAMINE_ABSENT, GRAMINE_DCAP, GRAMINE_FOLDER } from './gramine.ts';
import { NSM_ABSENT, NSM_DEVICE } from './nsm.ts';
import type { PseudoFiles } from './pseudo-files.ts';
import { SEV_GUEST, SEV_GUEST_ABSENT } from './sev-guest.ts';
import { systemCode } from './unavailable.ts';

/** What there is to look at; looking attests nothing and changes nothing that lasts. */
export interface DetectPorts {
  readonly files: PseudoFiles;
  readonly dstack: DstackClient;
  readonly koffiLoads: () => Promise<boolean>;
  /** Path of a program on PATH; null: none. */
  readonly findProgram: (name: string) => Promise<string | null>;
}

/** `ready`: evidence can be asked for. `blocked`: the platform is there, something else is not. */
export type PlatformState = 'ready' | 'blocked' | 'absent';

export interface Finding {
  readonly platform: Exclude<Platform, 'simulated'>;
  readonly state: PlatformState;
  /** What was looked at and what it said. */
  readonly found: string;
  /** What a person can do; null: nothing needs doing. */
  readonly next: string | null;
}

type Look = Omit<Finding, 'platform'>;

const TDX_DEVICE = '/dev/tdx_guest';
const NVIDIA_DEVICE = '/dev/nvidiactl';
const TPM_DEVICE = '/dev/tpmrm0';
const DMI_VENDOR = '/sys/class/dmi/id/sys_vendor';
const MAX_TEXT_BYTES = 128;
const ABSENT: readonly string[] = ['ENOENT', 'ENODEV', 'ENXIO', 'ENOTDIR'];
const RIGHTS = 'give the user of this program, or its container, the right to read and write it';
const KOFFI = 'install with optional packages: the device needs koffi';

/** Every platform, in a fixed order, found or not. */
export async function detectPlatforms(ports: DetectPorts): Promise<readonly Finding[]> {
  const tsm = await attempt(() => tsmProvider(ports.files));
  return [
    { platform: 'tdx', ...(await lookForTdx(ports, tsm)) },
    { platform: 'sev-snp', ...(await lookForSnp(ports, tsm)) },
    { platform: 'sgx', ...(await lookForGramine(ports)) },
    { platform: 'nitro', ...(await lookForDevice(ports, NSM_DEVICE, NSM_ABSENT)) },
    { platform: 'dstack', ...(await lookForDstack(ports)) },
    { platform: 'azure', ...(await lookForAzure(ports)) },
    { platform: 'nvidia-gpu', ...(await lookForGpu(ports)) },
  ];
}

/** A value, or the name of the system's error. */
type Attempt<T> = { readonly value: T } | { readonly code: string };

async function attempt<T>(look: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await look() };
  } catch (fault) {
    const code = systemCode(fault);
    if (code === null) throw fault;
    return { code };
  }
}

const ready = (found: string): Look => ({ state: 'ready', found, next: null });
const blocked = (found: string, next: string): Look => ({ state: 'blocked', found, next });
const absent = (found: string, next: string): Look => ({ state: 'absent', found, next });
const refused = (what: string, code: string, next: string): Look =>
  ABSENT.includes(code) ? absent(`${what}: ${code}`, next) : blocked(`${what}: ${code}`, RIGHTS);

async function lookForTdx({ files }: DetectPorts, tsm: Attempt<string>): Promise<Look> {
  if ('value' in tsm) return byProvider(tsm.value, 'tdx_guest');
  const device = await attempt(() => files.mayUse(TDX_DEVICE));
  if (ABSENT.includes(tsm.code) && 'value' in device) {
    return blocked(`${TDX_DEVICE}, which makes no quotes`, `boot ${TSM_ABSENT}`);
  }
  return refused('configfs-tsm', tsm.code, `needs ${TSM_ABSENT}`);
}

async function lookForSnp(ports: DetectPorts, tsm: Attempt<string>): Promise<Look> {
  if ('value' in tsm) return byProvider(tsm.value, 'sev_guest');
  const device = await lookForDevice(ports, SEV_GUEST, SEV_GUEST_ABSENT);
  return device.state === 'absent' ? refused('configfs-tsm', tsm.code, `needs ${TSM_ABSENT}`) : device;
}

const byProvider = (provider: string, wanted: string): Look =>
  provider === wanted
    ? ready(`configfs-tsm, provider ${provider}`)
    : absent(`configfs-tsm, provider ${provider}`, 'this machine is of another kind');

async function lookForDevice({ files, koffiLoads }: DetectPorts, device: string, next: string): Promise<Look> {
  const use = await attempt(() => files.mayUse(device));
  if ('code' in use) return refused(device, use.code, next);
  return (await koffiLoads()) ? ready(`${device}, through koffi`) : blocked(`${device}; koffi does not load`, KOFFI);
}

async function lookForGramine({ files }: DetectPorts): Promise<Look> {
  const path = `${GRAMINE_FOLDER}/attestation_type`;
  const read = await attempt(() => files.read(path, MAX_TEXT_BYTES));
  if ('code' in read) return refused(path, read.code, GRAMINE_ABSENT);
  const type = printable(read.value);
  return type === 'dcap' ? ready(`${path}: dcap`) : blocked(`${path}: "${type}"`, GRAMINE_DCAP);
}

async function lookForDstack({ files, dstack }: DetectPorts): Promise<Look> {
  const socket = await attempt(() => files.mayUse(DSTACK_SOCKET));
  if ('code' in socket) return refused(DSTACK_SOCKET, socket.code, DSTACK_ABSENT);
  const answered = await dstack.call('Info', {}).then(
    () => true,
    () => false,
  );
  if (answered) return ready(`${DSTACK_SOCKET} answers`);
  return blocked(`${DSTACK_SOCKET} does not answer`, 'start the guest agent of dstack 0.5 or newer');
}

async function lookForAzure({ files }: DetectPorts): Promise<Look> {
  const vendor = await attempt(() => files.read(DMI_VENDOR, MAX_TEXT_BYTES));
  const next = 'only on confidential virtual machines of Azure';
  if ('code' in vendor) return absent(`${DMI_VENDOR}: ${vendor.code}`, next);
  const name = printable(vendor.value);
  if (name !== 'Microsoft Corporation') return absent(`${DMI_VENDOR}: "${name}"`, next);
  const tpm = await attempt(() => files.mayUse(TPM_DEVICE));
  if ('code' in tpm) return refused(TPM_DEVICE, tpm.code, next);
  return blocked(
    `${TPM_DEVICE} on a machine of Microsoft`,
    'this version verifies evidence of Azure, but cannot make it',
  );
}

async function lookForGpu({ files, findProgram }: DetectPorts): Promise<Look> {
  const device = await attempt(() => files.mayUse(NVIDIA_DEVICE));
  if ('code' in device)
    return refused(NVIDIA_DEVICE, device.code, "install NVIDIA's driver for a GPU of the Hopper generation or later");
  const program = await findProgram('nvattest');
  if (program === null) return blocked(`${NVIDIA_DEVICE}; no nvattest on PATH`, "install NVIDIA's attestation tools");
  // Whether confidential computing is on, only an attestation would tell.
  return ready(`${NVIDIA_DEVICE}, nvattest`);
}

/** What a file says, without anything that a terminal obeys. */
const printable = (bytes: Uint8Array): string =>
  new TextDecoder()
    .decode(bytes)
    .replace(/[^ -~]/g, '')
    .trim()
    .slice(0, 60);
