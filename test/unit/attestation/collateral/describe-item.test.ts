import { describe, expect, it } from 'vitest';
import type { Collateral, CollateralItem } from '../../../../lib/attestation/collateral/collateral.ts';
import { certificatesIn, describeItem } from '../../../../lib/attestation/collateral/describe-item.ts';
import { VENDOR_ROOTS, type VendorRoots } from '../../../../lib/attestation/trust/vendor-roots.ts';
import { amdAuthority, amdList, chipKey, collateralOf, rootsOf } from '../../../authorities/amd-authority.ts';
import { intelAuthority, intelList, qeIdentity, tcbInfo } from '../../../authorities/intel-authority.ts';
import { nvidiaAuthority } from '../../../authorities/nvidia-authority.ts';
import { certify, type SigningParty } from '../../../authorities/x509-authority.ts';

const intel = intelAuthority();
const milan = amdAuthority('milan');
const nvidia = nvidiaAuthority();
const roots: VendorRoots = {
  ...rootsOf(milan),
  intel: intel.roots.intel,
  'nvidia-device': nvidia.roots['nvidia-device'],
  'nvidia-rim': nvidia.roots['nvidia-rim'],
};

/** What is said of `item`, with `others` at hand; a refusal as its code and detail. */
function said(item: CollateralItem, others: Collateral = [], anchors = roots): unknown {
  const facts = describeItem(item, { certificates: certificatesIn([item, ...others]), roots: anchors });
  return facts.ok ? facts.value : `${facts.error.code} ${facts.error.detail}`;
}
const certificates = (...parties: readonly SigningParty[]): CollateralItem[] => collateralOf(...parties);
const only = (items: readonly CollateralItem[]): CollateralItem => items[0] ?? { kind: 'rim', text: '' };
const stripped = (item: CollateralItem): CollateralItem => ('chain' in item ? { ...item, chain: [] } : item);
const day = (text: string): number => Date.parse(`${text}T00:00:00Z`);
/** One character of the signed part is another. */
const altered = (item: CollateralItem): CollateralItem =>
  'text' in item
    ? { ...item, text: item.text.replace(/(?<=Number":|sion=")\d/, '9') }
    : { ...item, der: flipped(item.der) };
function flipped(der: Uint8Array): Uint8Array {
  const out = Uint8Array.from(der);
  const at = out.length - 20;
  out[at] = (out[at] ?? 0) ^ 1;
  return out;
}

const vcek = chipKey({ authority: milan });
const gpu = nvidia.gpu();
const authorities = certificates(milan.ark, milan.ask, intel.root, intel.ca, nvidia.deviceRoot, nvidia.provisioner);

const genuine: readonly (readonly [string, CollateralItem, Collateral, object])[] = [
  [
    'TCB info',
    tcbInfo(intel, { tee: 'tdx' }),
    [],
    {
      subject: 'intel-tcb-info TDX FMSPC 00906ed50000 PCEID 0000',
      issuer: 'Intel SGX TCB Signing',
      issuedAt: day('2026-05-02'),
      validUntil: day('2026-07-01'),
      number: 20n,
    },
  ],
  ['TCB info without its chain', stripped(tcbInfo(intel)), certificates(intel.tcbSigner, intel.root), { number: 20n }],
  [
    'QE identity',
    qeIdentity(intel, { tee: 'tdx' }),
    [],
    { subject: 'intel-qe-identity TDX', about: 'TDX', number: 20n },
  ],
  [
    'a list of the root',
    intelList(intel, intel.root, { number: 7 }),
    authorities,
    { about: 'Intel SGX Root CA', number: 7n },
  ],
  ['a list of a PCK authority', intelList(intel, intel.ca), authorities, { about: 'Intel SGX PCK Platform CA' }],
  ['a list of an ARK', amdList(milan.ark), authorities, { issuedAt: day('2026-05-20'), validUntil: day('2026-07-01') }],
  ['a root', only(certificates(milan.ark)), [], { about: 'ARK-Milan', number: null }],
  ['an authority', only(certificates(milan.ask)), authorities, { about: 'SEV-Milan', issuer: 'ARK-Milan' }],
  [
    'a VCEK',
    only(certificates(vcek)),
    authorities,
    { subject: `certificate ${vcek.fingerprint}`, validUntil: day('2032-12-31') },
  ],
  [
    'a PCK certificate',
    only(certificates(intel.pck)),
    authorities,
    { about: 'Intel SGX PCK Certificate, FMSPC 00906ed50000' },
  ],
  [
    'a GPU leaf',
    only(certificates(gpu.leaf)),
    [...authorities, ...certificates(gpu.identity)],
    { kind: 'certificate' },
  ],
  [
    'a RIM',
    only(nvidia.rims()),
    [],
    { about: 'GH100 GPU 600.01', issuer: 'Fake RIM Signer', issuedAt: day('2026-01-01') },
  ],
  [
    'an OCSP answer about a RIM’s signer',
    nvidia.ocsp(nvidia.rimSigner, nvidia.rimIssuer),
    nvidia.rims(),
    {
      subject: `ocsp-response ${nvidia.rimSigner.fingerprint}`,
      issuedAt: day('2026-05-30'),
      validUntil: day('2026-06-06'),
    },
  ],
  [
    'an OCSP answer about a device',
    nvidia.ocsp(nvidia.provisioner, nvidia.deviceRoot),
    authorities,
    { issuer: 'Fake Device Identity CA' },
  ],
];

describe('the facts of an item', () => {
  it.each(genuine)('%s', (_, item, others, facts) => {
    expect(said(item, others)).toMatchObject({ kind: item.kind, ...facts });
  });

  it.each(genuine)('are refused without the vendor’s root: %s', (_, item, others) => {
    expect(said(item, others, VENDOR_ROOTS)).toMatch(/^E-ATTEST-COLLATERAL-INVALID .*pinned (vendor )?root/);
  });

  it.each(genuine)('are refused after a change: %s', (_, item, others) => {
    expect(altered(item)).not.toEqual(item);
    expect(said(altered(item), others)).toMatch(/^E-ATTEST-COLLATERAL-INVALID /);
  });

  const stranger = certify({
    name: 'ARK-Milan',
    algorithm: 'p384-sha384',
    issuer: null,
    authority: { pathLength: null },
    notBefore: new Date('2026-01-01'),
    notAfter: new Date('2027-01-01'),
  });
  it.each<[string, CollateralItem, Collateral, RegExp]>([
    ['a list whose issuer is not given', amdList(milan.ark), [], /certificate of its issuer, ARK-Milan, is not given/],
    ['a list of a stranger with the name of an authority', amdList(stranger), authorities, /not signed by its issuer/],
    ['a list without an end', intelList(intel, intel.root, { nextUpdate: null }), authorities, /expired/],
    ['a list of a leaf', intelList(intel, intel.pck), certificates(intel.pck, intel.ca, intel.root), /may not issue/],
    [
      'a list of NVIDIA, which publishes none',
      intelList(intel, nvidia.deviceRoot),
      authorities,
      /a pinned vendor root/,
    ],
    ['an answer without a signer', stripped(tcbInfo(intel)), [], /Intel SGX TCB Signing/],
    ['an answer of a PCK certificate', tcbInfo(intel, { signer: intel.pck }), certificates(intel.ca), /the signer is/],
    [
      'an OCSP answer about nobody here',
      nvidia.ocsp(nvidia.provisioner, nvidia.deviceRoot),
      [],
      /is not given with it/,
    ],
    [
      'an OCSP answer without an end',
      nvidia.ocsp(nvidia.rimSigner, nvidia.rimIssuer, { nextUpdate: null }),
      nvidia.rims(),
      /until when/,
    ],
    [
      'an OCSP answer of another responder',
      nvidia.ocsp(nvidia.rimSigner, nvidia.rimIssuer, { responder: nvidia.provisioner }),
      nvidia.rims(),
      /responder/,
    ],
    ['a certificate whose issuer is not given', only(certificates(vcek)), [], /a pinned vendor root/],
    ['no certificate at all', { kind: 'certificate', der: new Uint8Array(4) }, [], /certificate/],
    ['no RIM at all', { kind: 'rim', text: '<x/>' }, [], /SWID/],
    ['no answer at all', { kind: 'intel-qe-identity', text: '{}', chain: [] }, [], /QE identity/],
  ])('are refused: %s', (_, item, others, why) => {
    expect(said(item, others)).toMatch(/^E-ATTEST-COLLATERAL-INVALID /);
    expect(said(item, others)).toMatch(why);
  });

  it('of an answer are found whichever of two signing certificates with one key is given first', () => {
    const earlier = certify({
      name: 'Intel SGX TCB Signing',
      algorithm: 'p256-sha256',
      issuer: intel.root,
      notBefore: new Date('2020-01-01'),
      notAfter: new Date('2021-01-01'),
      keys: intel.tcbSigner,
    });
    const item = stripped(tcbInfo(intel));
    for (const pool of [certificates(earlier, intel.tcbSigner), certificates(intel.tcbSigner, earlier)])
      expect(said(item, [...pool, ...authorities])).toMatchObject({ number: 20n });
  });
});
