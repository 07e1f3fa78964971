/** gRPC status names (grpc.io "Status codes"); only lib/wire maps them to numbers. */
export type GrpcStatus =
  | 'INVALID_ARGUMENT'
  | 'FAILED_PRECONDITION'
  | 'PERMISSION_DENIED'
  | 'UNAUTHENTICATED'
  | 'RESOURCE_EXHAUSTED'
  | 'NOT_FOUND'
  | 'ABORTED'
  | 'UNAVAILABLE'
  | 'DEADLINE_EXCEEDED'
  | 'INTERNAL';

export interface ErrorMeaning {
  /** What happened, one sentence. */
  readonly what: string;
  /** What it means for patient data. */
  readonly patientData: string;
  /** What to do next. */
  readonly next: string;
  /** True when the same request may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  readonly grpc: GrpcStatus;
  /** Exit code of the command line: 64 usage, 65 data, 70 bug, 74 I/O, 75 try later, 77 refused, 78 configuration (sysexits.h); 40–42 verification; 130 interrupted. */
  readonly exit: number;
}

const NOTHING_LEFT = 'No patient data left the hospital.';
const NOTHING_RELEASED = 'Nothing was released; updates already received were erased from the enclave.';
const NOT_INVOLVED = 'Patient data is not involved.';
const MORE = 'More: docs/recovery.md.';
const STORED_FIRST = 'Nothing leaves a hospital that was not stored first; what was stored before is kept.';

const refused = (what: string, next: string, patientData = NOTHING_LEFT): ErrorMeaning => ({
  what,
  patientData,
  next,
  retryable: false,
  grpc: 'PERMISSION_DENIED',
  exit: 77,
});
const malformed = (what: string, next: string): ErrorMeaning => ({
  what,
  patientData: NOT_INVOLVED,
  next,
  retryable: false,
  grpc: 'INVALID_ARGUMENT',
  exit: 65,
});
const later = (what: string, next: string, patientData = NOTHING_LEFT): ErrorMeaning => ({
  what,
  patientData,
  next,
  retryable: true,
  grpc: 'UNAVAILABLE',
  exit: 75,
});
const precondition = (what: string, next: string, patientData = NOTHING_LEFT): ErrorMeaning => ({
  what,
  patientData,
  next,
  retryable: false,
  grpc: 'FAILED_PRECONDITION',
  exit: 77,
});
const notGenuine = (what: string, next: string): ErrorMeaning => ({
  what,
  patientData: NOTHING_LEFT,
  next,
  retryable: false,
  grpc: 'UNAUTHENTICATED',
  exit: 41,
});
const unacceptable = (what: string, next: string): ErrorMeaning => ({
  what,
  patientData: NOTHING_LEFT,
  next,
  retryable: false,
  grpc: 'PERMISSION_DENIED',
  exit: 40,
});
const configuration = (what: string, next: string): ErrorMeaning => ({
  what,
  patientData: NOT_INVOLVED,
  next,
  retryable: false,
  grpc: 'INVALID_ARGUMENT',
  exit: 78,
});

const storage = (what: string, next: string, patientData = STORED_FIRST): ErrorMeaning => ({
  what,
  patientData,
  next: `${next} ${MORE}`,
  retryable: false,
  grpc: 'INTERNAL',
  exit: 74,
});

/** Every code there is; `docs/errors.md` is made from this table. */
export const ERRORS = {
  // Attestation (PROTOCOL §4, §5)
  'E-ATTEST-MALFORMED': notGenuine(
    'The attestation evidence could not be parsed.',
    'Ask the operator of the other side which platform and version it runs.',
  ),
  'E-ATTEST-SIGNATURE': notGenuine(
    'The attestation evidence is not signed by the pinned vendor root.',
    'Check that both sides use the same root; otherwise treat the machine as not genuine.',
  ),
  'E-ATTEST-EXPIRED': notGenuine(
    'The attestation evidence or its certificate is outside its validity.',
    'Check the clocks of both machines and the age of the collateral.',
  ),
  'E-ATTEST-REVOKED': notGenuine(
    'The vendor has revoked a certificate of this machine.',
    'Treat the machine as compromised; its operator asks the vendor why.',
  ),
  'E-ATTEST-COLLATERAL-INVALID': notGenuine(
    'Collateral that was given is not signed by the vendor, is outside its dates, or belongs to another machine.',
    'Fetch it again; if it still does not check out, somebody altered it.',
  ),
  'E-ATTEST-MISMATCH': notGenuine(
    'Two parts of the evidence contradict each other.',
    'The evidence was put together from several machines, or altered: treat the machine as not genuine.',
  ),
  'E-ATTEST-COLLATERAL': {
    ...unacceptable(
      'An input that the verdict needs is missing: nothing is known to be wrong, and nothing is proven.',
      'Give what is named as missing (`--collateral`, `--certs`), or accept its absence in the policy.',
    ),
    exit: 42,
  },
  'E-ATTEST-TCB': unacceptable(
    'The firmware or microcode of the machine is older than the policy allows, or the vendor no longer supports it.',
    'Update the machine; the advisories that are named say what is wrong with it.',
  ),
  'E-ATTEST-POLICY': unacceptable(
    'The evidence is authentic and breaks a rule of the appraisal policy.',
    'Compare what was found with what the policy wants; change the machine, or decide on another policy.',
  ),
  'E-POLICY-INVALID': configuration(
    'The appraisal policy is not valid.',
    'Correct the keys listed; `consilium attest policy explain` prints every key there is.',
  ),
  'E-ATTEST-BINDING': notGenuine(
    'The evidence is genuine but was not made for this session.',
    'Someone may be relaying or replaying evidence: inform the security officer before trying again.',
  ),
  'E-ATTEST-MEASUREMENT': unacceptable(
    'The program that attested is not one that the contract allows.',
    'Compare the measurement with `consilium measure`; if the program was upgraded, a successor contract must name it.',
  ),
  'E-ATTEST-DEBUG': unacceptable(
    'The program runs in a TEE with debugging enabled, which protects nothing.',
    'Start it without debugging.',
  ),
  'E-ATTEST-INSTANCE': unacceptable(
    'The machine is not on the allow-list of the contract.',
    'Use an allowed machine, or agree a successor contract.',
  ),
  'E-ATTEST-ROLE': unacceptable(
    'The evidence is for another role than the one expected here.',
    'Check which program is running at the other end.',
  ),
  'E-ATTEST-SVN': unacceptable(
    'The security version of the platform is below the minimum of the contract.',
    'Update the platform firmware.',
  ),
  'E-ATTEST-SIMULATED': unacceptable(
    'Simulated evidence was offered where real hardware is required.',
    'Simulated evidence protects nothing: run on a TEE, or use a contract with environment: simulation.',
  ),
  'E-ATTEST-STALE': unacceptable(
    'The evidence of the peer is older than two re-attestation intervals.',
    'The session was closed; it is opened again automatically.',
  ),
  'E-ATTEST-PLATFORM': unacceptable(
    'The platform is not one that is accepted here, or this machine offers none that is known.',
    'Use a platform that the contract allows (`consilium attest detect` says what this machine offers), or simulation for development.',
  ),
  'E-ATTEST-UNAVAILABLE': later(
    'The attester of this machine did not answer.',
    'It is tried again; if it persists, check the platform service (in simulation: the chip process).',
  ),

  'E-COLLATERAL-OLDER': refused(
    'Collateral is older than what was accepted before: it may hide a revocation or a security update.',
    'Keep what is there, or get the newest from the vendor. Newer items that came along were stored.',
    NOT_INVOLVED,
  ),
  'E-COLLATERAL-UNREACHABLE': later(
    'A vendor gave no whole answer in time when collateral was fetched. What was stored before is kept.',
    'Try again later (after the time that is named, if one is); check the proxy and the firewall, or import a file.',
    NOT_INVOLVED,
  ),
  'E-COLLATERAL-REFUSED': refused(
    'A vendor has no such collateral, or refuses to give it to this machine.',
    'Check the evidence and the address that was asked; the vendor may not know this machine or version.',
    NOT_INVOLVED,
  ),
  'E-SEAL-UNAVAILABLE': precondition(
    'The platform gives this program no key to seal its state with.',
    'Use a platform that has one (the message names them), or set up the key service that releases it.',
  ),

  // The attested session (PROTOCOL §4)
  'E-CHANNEL-VERSION': refused(
    'The peer speaks another protocol version or cipher suite.',
    'Update the older side; there is no negotiation.',
  ),
  'E-CHANNEL-CONTRACT': refused(
    'The peer works under another contract.',
    'Compare the contract digests on both sides.',
  ),
  'E-CHANNEL-FRAME': refused(
    'A sealed frame failed its check: altered, missing, repeated or out of order.',
    'The session was closed; it is opened again automatically. If it persists, look for a device that alters traffic.',
  ),
  'E-CHANNEL-STATE': refused(
    'A message arrived in the wrong phase of the handshake.',
    'The session was closed. The peer runs faulty or hostile software.',
  ),
  'E-CHANNEL-TRUNCATED': later(
    'The connection ended without its closing frame.',
    'The session is opened again automatically and the upload starts at 0 with the same bytes.',
  ),
  'E-CHANNEL-TIMEOUT': later('The peer did not answer in time.', 'It is tried again automatically.'),
  'E-CHANNEL-EXPIRED': later('The session reached its planned end.', 'A new session is opened automatically.'),
  'E-CHANNEL-SIZE': refused(
    'A message is larger than this protocol allows.',
    'The session was closed. The peer runs faulty or hostile software.',
  ),

  // Identity and contract (PROTOCOL §3, §6)
  'E-ENDORSEMENT': refused(
    'The key of the running agent is not endorsed by its organisation, or the endorsement expired.',
    'Restart the agent so that it signs a fresh endorsement; check its clock.',
  ),
  'E-ORG-UNKNOWN': refused(
    'The organisation is not named in the contract.',
    'Only organisations in the contract can take part.',
  ),
  'E-ORG-IDENTITY': refused(
    'The certificate of the connection belongs to another organisation.',
    'Use the certificate that was issued to this organisation.',
  ),
  'E-ORG-KEY': refused(
    'The signing key is not the one that the contract names for the organisation.',
    'Use the key of this organisation; if it was replaced, a successor contract must name the new one.',
  ),
  'E-ORG-WORDS': refused(
    'The six words that were heard are not those of the key in the file.',
    'Do not use the file. Call again on a number you already had; if the words still differ, somebody changed the key on its way.',
  ),
  'E-ORG-NOT-APPROVED': precondition(
    'The organisation has not approved this contract.',
    'Run `consilium contract approve` at that hospital.',
  ),
  'E-APPROVAL-INVALID': refused(
    'An approval is not signed by its organisation, is for another contract, has expired, or names no ε although the contract spends one.',
    'Ask the hospital to approve again.',
  ),
  'E-APPROVALS-MISSING': precondition(
    'Fewer hospitals have approved than the contract demands.',
    'Wait for more approvals.',
  ),
  'E-CONTRACT-INVALID': malformed(
    'The contract breaks a rule of the protocol.',
    'Correct the study file and draft the contract again.',
  ),
  'E-CONTRACT-EXPIRED': precondition('The contract is outside its validity.', 'Agree a successor contract.'),
  'E-CONTRACT-SUPERSEDED': precondition(
    'This hospital works under a successor of the contract.',
    'Start the agent with the successor contract; under this one nothing is sent any more.',
  ),
  'E-PREDECESSOR-INVALID': refused(
    'The passport or the model that was shown is not the one that this contract goes on from.',
    'Use the contract, the passport and the model that the successor was drafted from.',
  ),
  'E-CONTRACT-OVERFLOW': malformed(
    'Sites × coordinate bound × weight cap reaches 2^53, so that a sum could lose digits.',
    'Lower the coordinate bound or the weight cap, or use a coarser grid.',
  ),
  'E-CONTRACT-ENVIRONMENT': refused(
    'The contract and the program disagree about simulation.',
    'Simulated programs run only simulation contracts, and the other way round.',
  ),

  // The round (PROTOCOL §7)
  'E-ROUND-PHASE': precondition(
    'The message does not belong to the phase the round is in.',
    'Nothing: the round goes on, or is tried again.',
  ),
  'E-ROUND-SEALED': later(
    'The result of this round is sealed and waits for acknowledgements: it is finished, never given up.',
    'Let the hospitals of the accepted set connect again.',
    NOTHING_RELEASED,
  ),
  'E-MODEL-WANTED': later(
    'No hospital has brought the model that the contract goes on from to the enclave yet.',
    'It is asked for in every session: start the agent of a hospital that holds the model.',
  ),
  'E-ROUND-MANIFEST': refused('The message is for another manifest.', 'Nothing: it belongs to an earlier attempt.'),
  'E-ROUND-FINISHED': precondition(
    'The study has run all of its rounds.',
    'Verify and use the model; more rounds need a successor contract.',
  ),
  'E-COHORT-TOO-SMALL': {
    ...later(
      'Fewer hospitals took part than the contract demands.',
      'The round was aborted and is tried again; find out which hospital is missing.',
      NOTHING_RELEASED,
    ),
  },
  'E-COHORT-UNCONFIRMED': refused(
    'The cohort holds fewer organisations whose keys this hospital confirmed itself than the contract demands.',
    'Confirm more organisations by telephone (`consilium org confirm`) before taking part.',
  ),
  'E-COHORT-REQUIRED': {
    ...later(
      'A hospital that must take part is missing from the cohort.',
      'The round was aborted and is tried again.',
      NOTHING_RELEASED,
    ),
  },
  'E-COHORT-COMMIT': refused(
    'The cohort certificate holds a commit that does not check out.',
    'The enclave or the coordinator is faulty: inform the security officer.',
  ),
  'E-COHORT-TIME': refused(
    'The clocks of the cohort are more than 10 minutes from the clock of this machine.',
    'Correct the clock.',
  ),
  'E-COMMIT-INVALID': refused(
    'A commit is not signed by the endorsed key of its site, or names another manifest.',
    'The site must commit again.',
  ),
  'E-COMMIT-DUPLICATE': refused(
    'The organisation committed twice with different content.',
    'Nothing: the first commit stands.',
  ),
  'E-UPDATE-COMMITMENT': refused(
    'The update is not the one that was announced.',
    'A round accepts one update from each hospital; the first announcement stands.',
  ),
  'E-UPDATE-SHAPE': refused(
    'The update has the wrong layout or length.',
    'The agent must run the model of the contract.',
  ),
  'E-UPDATE-BOUND': refused(
    'The update exceeds the coordinate bound, the weight cap or the norm bound of the contract.',
    'The agent must clip as the contract says.',
  ),
  'E-ACK-INVALID': refused(
    'An acknowledgement is not signed by a member of the cohort or is for another intent.',
    'The site must acknowledge again.',
  ),
  'E-ACKS-MISSING': later(
    'Too few hospitals have acknowledged the result, so that it is not released.',
    'The enclave keeps it sealed and waits: find out which hospitals are missing, and let them connect again.',
    NOTHING_RELEASED,
  ),
  'E-ENCLAVE-RESTARTED': later(
    'The enclave restarted in the middle of the round.',
    'The round was aborted and is tried again with the same updates.',
    NOTHING_RELEASED,
  ),
  'E-ROUND-STOPPED': later('The round was stopped by the coordinator.', 'It can be launched again.', NOTHING_RELEASED),
  'E-STATEMENT-SIGNATURE': refused(
    'A statement of the enclave is not signed by the key that was attested.',
    'Inform the security officer: somebody forges statements.',
  ),
  'E-STATEMENT-CHAIN': refused(
    'A statement does not follow the last one this hospital saw.',
    'The hospital may be shown another history than the others: inform the security officer.',
  ),
  'E-STATE-BEHIND': refused(
    'The enclave was shown a newer state of this study than its own: it runs on an old copy of its disk, or on one of two.',
    "The study is halted. Put the newest copy of the enclave's disk back; where there is none, a successor contract that names the last passport goes on. More: docs/recovery.md.",
    NOTHING_RELEASED,
  ),
  'E-HEAD-UNPROVEN': refused(
    'A hospital named a newest statement that the enclave does not have, and did not prove it.',
    'The session ended and nothing else changed. If the hospital is honest, it has followed another study or an enclave that no longer exists.',
  ),
  'E-PARENT-REUSED': refused(
    'A second result was asked for one parent model.',
    'Each model has at most one successor (PROTOCOL §7.2). A successor contract is drafted from the newest passport.',
    NOTHING_RELEASED,
  ),
  'E-RELEASE-INVALID': refused(
    'The released model does not match its passport.',
    'The model is not used; inform the security officer.',
    'No further patient data leaves; the model was discarded.',
  ),
  'E-PASSPORT-INVALID': {
    ...notGenuine(
      'The model passport does not check out.',
      'Do not use the model; every failed check is listed above.',
    ),
    patientData: NOT_INVOLVED,
  },
  'E-SITE-WITHDRAWN': precondition(
    'The hospital has withdrawn from the study.',
    'Nothing more is sent. To take part again, the hospitals agree a successor contract.',
  ),

  'E-SITE-BEHIND': precondition(
    'The study knows of a commit or an update of this hospital that its own store does not: the store is an old copy or a new one, or somebody else uses the key of this hospital.',
    'If somebody here put a backup back or replaced the disk: `consilium site accept-backup --config site.yaml`. If nobody did: inform the security officer. More: docs/recovery.md.',
    'Nothing is sent until somebody decides; what was sent since the copy was made is debited as far as the statements tell it.',
  ),

  // The hospital's privacy budget (PROTOCOL §6.3, §7.5)
  'E-BUDGET-SPENT': {
    ...precondition(
      'What this hospital allows its patients to be exposed to does not cover another round.',
      'Nothing needs to be done: the hospital stays out. `consilium privacy ledger` shows what was spent. A larger budget is a decision of the hospital: in its overlay, or with a new approval. Else a successor contract with more noise.',
    ),
    grpc: 'RESOURCE_EXHAUSTED',
  },
  'E-BUDGET-UNBOUNDED': precondition(
    'The hospital has set a privacy budget for its data, and the contract adds no noise: nothing bounds what it tells.',
    'Take part in contracts with noise, or take the budget out of the overlay.',
  ),

  // Data and learning
  'E-DATA-FILE': {
    ...malformed(
      'The data file does not fit the schema of the study.',
      'Correct the rows listed; values are never shown.',
    ),
    patientData: NOTHING_LEFT,
  },
  'E-DATA-EMPTY': {
    ...malformed('No usable row is left after the missing-value rule.', 'Check the file and the schema.'),
    patientData: NOTHING_LEFT,
  },
  'E-MODEL-FILE': malformed('The model file could not be read.', 'Use the file from a run folder.'),
  'E-TRAINING-DIVERGED': {
    ...precondition('Training gave a number that is not finite.', 'Lower the learning rate.'),
    exit: 65,
  },

  // Transport, storage, programs
  'E-TRANSPORT': later(
    'The other program could not be reached.',
    'It is tried again; check address, firewall and certificates.',
  ),
  'E-TRANSPORT-CERTIFICATE': {
    ...notGenuine(
      'The TLS connection was refused: no acceptable certificate, or an old TLS version.',
      'Use a valid certificate of this consortium and TLS 1.3.',
    ),
    exit: 77,
  },
  'E-MESSAGE-INVALID': malformed('A message lacks a field, or a field is out of range.', 'Update the older side.'),
  'E-SERVICE-UNKNOWN': {
    ...configuration('The program does not offer the service that was asked for.', 'Check which program is dialled.'),
    grpc: 'NOT_FOUND',
  },
  'E-STORE-CONFLICT': {
    ...later(
      'Two programs write one store; the one that noticed has stopped.',
      'See that only one program uses the store, and start it again: it goes on from what is stored.',
      NOT_INVOLVED,
    ),
    grpc: 'ABORTED',
  },
  'E-STORE-FORMAT': storage(
    'A stored file was written by another program or by another version of this one.',
    'Check the path; else use the version of Consilium that wrote the file. It was left as it is.',
  ),
  'E-STORE-DAMAGED': storage(
    'A stored file is not what was written: cut short, altered, or parts of two copies.',
    'Keep the file, put the newest copy of the whole store back, and look at the disk before trusting it again.',
    'What is damaged is never used. Nothing leaves a hospital until its store is whole again.',
  ),
  'E-STORE-SEALED': storage(
    "A record of the enclave's sealed state does not open: it was sealed on another machine, by another program or for another contract, or records of two copies were mixed.",
    'Start the enclave on the machine and with the program that sealed it, or put a whole copy of its disk back. If the machine is lost, the hospitals agree a successor contract.',
    NOTHING_RELEASED,
  ),
  'E-STORE-FULL': storage(
    'There is no room for a write: the disk is full, or a quota or size limit is reached; the program has stopped.',
    'Make room or raise the limit, then start the program again: it goes on from what is stored.',
  ),
  'E-STORE-READONLY': storage(
    'The disk takes no writes: it is mounted read-only.',
    'Find out why (after a disk error, systems mount it so), then mount it for writing and start the program again.',
  ),
  'E-STORE-PERMISSION': storage(
    'A stored file or its folder has the wrong owner or rights: this user may not write it, or others may read it.',
    'Find out who changed it, then give it to the user that runs the program (chown), readable by nobody else (chmod 600).',
  ),
  'E-STORE-PATH': storage(
    'The store is not where the configuration says, or was moved away while the program ran.',
    'Check the path and whether the disk is mounted, and stop a program before you touch its store.',
  ),
  'E-STORE-LOCKED': {
    ...storage(
      'Another process held the store for longer than this program waits.',
      'Find it: a backup tool, or a second copy of this program. The program may then be started again.',
    ),
    retryable: true,
    grpc: 'UNAVAILABLE',
    exit: 75,
  },
  'E-STORE-IO': {
    ...storage(
      'The disk failed a read or a write, for a reason that has no code of its own; the program has stopped.',
      "Look at the disk and at the system's log, then start the program again: it goes on from what is stored.",
    ),
    retryable: true,
    grpc: 'UNAVAILABLE',
  },
  'E-CONFIG': configuration('The configuration is not valid.', 'Correct the fields listed.'),
  'E-USAGE': { ...configuration('The command line is not valid.', 'Run the command with --help.'), exit: 64 },
  'E-PROCESS': {
    ...later(
      'A program of the simulation ended and could not be restarted.',
      'Read its log in the run folder.',
      NOT_INVOLVED,
    ),
    exit: 70,
  },
  'E-INTERNAL': {
    ...configuration(
      'Consilium itself has a fault.',
      'Report it with the version and the command; the stack is shown with CONSILIUM_DEBUG=1.',
    ),
    patientData: 'The program stopped where the fault happened and sends nothing more.',
    grpc: 'INTERNAL',
    exit: 70,
  },
  'E-INTERRUPTED': { ...later('The run was stopped by the user.', 'Start it again when ready.'), exit: 130 },
} as const satisfies Record<string, ErrorMeaning>;

export type ErrorCode = keyof typeof ERRORS;

/** Own keys only: `toString` is in every object and is no code. */
export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(ERRORS, text);

/** One failed check: what was found and what was wanted, never a patient value and never a secret. */
export interface Refusal {
  readonly code: ErrorCode;
  /** Which check or field, in plain words; may be empty. */
  readonly detail: string;
  readonly got?: string;
  readonly want?: string;
}

export const refusal = (code: ErrorCode, detail = '', compared?: { got: string; want: string }): Refusal => ({
  code,
  detail,
  ...compared,
});

/** Carries refusals through code that must throw (streams, command-line shells). */
export class RefusalError extends Error {
  readonly refusals: readonly [Refusal, ...Refusal[]];
  constructor(...refusals: readonly [Refusal, ...Refusal[]]) {
    super(refusals.map(describeRefusal).join('; '));
    this.name = 'RefusalError';
    this.refusals = refusals;
  }
}

/** `code: what (detail; got …, want …)`, one line, safe to log. */
export function describeRefusal({ code, detail, got, want }: Refusal): string {
  const compared = got === undefined ? '' : `got ${got}, want ${want ?? ''}`;
  const more = [detail, compared].filter((part) => part !== '').join('; ');
  return `${code}: ${ERRORS[code].what}${more === '' ? '' : ` (${more})`}`;
}
