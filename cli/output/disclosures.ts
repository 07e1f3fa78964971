/** Why a field may leave a hospital. */
export const REASONS = {
  public: 'public by contract: who signs the contract agrees that it is known',
  suppressed:
    'suppressed: with noise it is a constant of the contract, and the enclave refuses anything else; without noise it is public by contract',
  paid: 'paid for: with noise its cost to everybody who sees it opened is in ε, the enclave excepted where it adds the noise; without noise nothing protects it, as the contract says',
  metadata: 'protocol metadata: it follows from keys, clocks, statements or the contract, not from any record',
} as const;
export type Reason = keyof typeof REASONS;

export interface Disclosure {
  /** Path in the message; `a[]` is an element of a list. It stands for everything below it. */
  readonly field: string;
  readonly content: string;
  readonly seenBy: string;
  readonly reason: Reason;
}

export interface DisclosedMessage {
  readonly title: string;
  /** How it travels, and when. */
  readonly how: string;
  readonly fields: readonly Disclosure[];
}

const ENCLAVE = 'the enclave';
/** Statements and passports hold it. */
const STUDY = 'everybody in the study, and whoever is shown a passport';
const COORDINATOR = 'the coordinator';
const COORDINATOR_ENCLAVE = 'the coordinator and the enclave';
const WIRE = 'the coordinator; where the enclave is dialled directly, its host';

const field =
  (reason: Reason) =>
  (name: string, content: string, seenBy: string): Disclosure => ({ field: name, content, seenBy, reason });
const agreed = field('public');
const withheld = field('suppressed');
const paid = field('paid');
const plain = field('metadata');

const type = plain('type', 'which message this is', ENCLAVE);
const format = (seenBy: string): Disclosure => plain('format', 'which document this is', seenBy);
const contract = (seenBy: string): Disclosure => plain('contract', 'digest of the contract', seenBy);
const who = (seenBy: string): Disclosure => agreed('organisation', 'the hospital’s id', seenBy);
const bootKey = (seenBy: string): Disclosure => plain('bootKey', 'public key of this start of the agent', seenBy);

/**
 * Every field of every message that leaves a hospital, with its content, who sees it and why it may leave
 * (`docs/what-leaves.md`). A test holds it against the messages themselves.
 */
export const DISCLOSURES = {
  update: {
    title: 'Update: salt and plaintext',
    how: 'Once for each model that the hospital trains on; sealed in the attested session, so that the relay sees its size only, which depends on the model alone. Kept in the enclave’s memory until it is added up, never on a disk.',
    fields: [
      paid(
        'salt',
        '32 bytes that hide the update behind its commitment; they follow from a secret and the update',
        ENCLAVE,
      ),
      plain('format', 'version of this layout', ENCLAVE),
      withheld(
        'weight',
        'without noise the number of training rows, up to the contract’s cap; with noise at the sites the published number of records; with noise in the enclave always 1',
        ENCLAVE,
      ),
      withheld(
        'trainLoss',
        'without noise the mean loss of the parent model over the training rows; with noise always 0',
        ENCLAVE,
      ),
      paid(
        'coordinates',
        'without noise the change of each learned number; with noise at the sites that change with its noise; with noise in the enclave the sum of clipped gradients of a random sample, before the noise',
        `${ENCLAVE}; the others see what the released model shows of the sum`,
      ),
    ],
  },
  sync: {
    title: 'Session message `sync`',
    how: 'First in every session, sealed.',
    fields: [
      type,
      plain('head', 'place and digest of the newest statement the hospital has seen', ENCLAVE),
      plain('round', 'round of the newest model it holds', ENCLAVE),
    ],
  },
  'commit-message': {
    title: 'Session message `commit`',
    how: 'Once for each attempt at a round, sealed.',
    fields: [
      type,
      plain('commit', 'the signed commit, below', STUDY),
      plain('endorsement', 'the signed endorsement, below', STUDY),
    ],
  },
  'update-header': {
    title: 'Session message `update-header`',
    how: 'Before the update, sealed.',
    fields: [
      type,
      plain('header.certificate', 'digest of the cohort certificate', ENCLAVE),
      plain('header.layout', 'digest of the model’s layout', ENCLAVE),
      plain('header.length', 'bytes of the update: follows from the model', ENCLAVE),
      paid('header.commit', 'hash of salt and update: fixes the update, and tells nothing without the salt', STUDY),
    ],
  },
  'update-message': {
    title: 'Session message `update`',
    how: 'The update itself, sealed.',
    fields: [type, paid('payload', 'salt and plaintext, above', ENCLAVE)],
  },
  'acknowledgement-message': {
    title: 'Session message `acknowledgement`',
    how: 'Once for each Intent that the hospital has stored, sealed.',
    fields: [
      type,
      plain('acknowledgement', 'the signed acknowledgement, below', STUDY),
      plain('endorsement', 'the signed endorsement, below', STUDY),
    ],
  },
  'withdrawal-message': {
    title: 'Session message `withdrawal`',
    how: 'In every session after the hospital has left the study, sealed.',
    fields: [type, plain('withdrawal', 'the signed withdrawal, below', COORDINATOR_ENCLAVE)],
  },
  model: {
    title: 'Session message `model`',
    how: 'When the enclave of a successor contract asks for the model it goes on from, sealed.',
    fields: [type, agreed('weights', 'a model that was released before, of the digest in the contract', ENCLAVE)],
  },
  'head-proof': {
    title: 'Session message `head-proof`',
    how: 'When the enclave does not know the hospital’s newest statement, sealed.',
    fields: [
      type,
      plain('statement', 'that statement, signed by an enclave', ENCLAVE),
      plain('publication', 'the publication record of the boot that signed it', ENCLAVE),
    ],
  },
  commit: {
    title: 'Commit',
    how: 'Signed with the boot key; in the cohort certificate.',
    fields: [
      format(STUDY),
      contract(STUDY),
      plain('manifest', 'digest of the round’s manifest', STUDY),
      who(STUDY),
      bootKey(STUDY),
      plain('head', 'place and digest of that manifest', STUDY),
      agreed('minimum', 'the smallest cohort the hospital takes part in', STUDY),
      agreed('requireCoParticipants[]', 'hospitals without which it does not take part', STUDY),
      plain('at', 'the agent’s clock', STUDY),
      plain('collateral', 'newest revocation list and TCB evaluation it knows', STUDY),
    ],
  },
  acknowledgement: {
    title: 'Acknowledgement',
    how: 'Signed with the boot key; in the passport bundle.',
    fields: [
      format(STUDY),
      contract(STUDY),
      plain('intent', 'digest of the Intent that the hospital has stored', STUDY),
      who(STUDY),
      bootKey(STUDY),
      plain('at', 'the agent’s clock', STUDY),
    ],
  },
  endorsement: {
    title: 'Endorsement',
    how: 'Signed with the hospital’s key, at most for a day; beside commits and acknowledgements, and in the evidence message.',
    fields: [
      format(STUDY),
      who(STUDY),
      bootKey(STUDY),
      contract(STUDY),
      plain('issued', 'when it was signed', STUDY),
      plain('expires', 'when it ends', STUDY),
    ],
  },
  approval: {
    title: 'Approval',
    how: 'Signed with the hospital’s key, submitted once; in the cohort certificate and the passport bundle.',
    fields: [
      format(STUDY),
      contract(STUDY),
      who(STUDY),
      agreed('epsilonBudget', 'ε that the hospital allows this study', STUDY),
      agreed('expires', 'when the approval ends', STUDY),
    ],
  },
  withdrawal: {
    title: 'Withdrawal',
    how: 'Signed with the hospital’s key when it leaves the study.',
    fields: [
      format(COORDINATOR_ENCLAVE),
      contract(COORDINATOR_ENCLAVE),
      who(COORDINATOR_ENCLAVE),
      plain('at', 'when it was signed', COORDINATOR_ENCLAVE),
    ],
  },
  envelope: {
    title: 'Every signed document',
    how: 'The map around the documents above.',
    fields: [
      plain('body', 'the document', 'as the document'),
      plain('signature', 'Ed25519 over it', 'as the document'),
    ],
  },
  evidence: {
    title: 'Evidence message',
    how: 'At the start of a session and after each challenge, sealed, after the enclave’s own evidence was accepted.',
    fields: [
      plain('attestationSequence', 'number of the answer', ENCLAVE),
      bootKey(ENCLAVE),
      who(ENCLAVE),
      plain('head', 'place and digest of the newest statement the hospital has seen', ENCLAVE),
      plain('evidence', 'evidence envelope, below', ENCLAVE),
      plain('devices', 'evidence of GPUs that the agent trains on, as their vendor defines it', ENCLAVE),
      plain('path', 'way from this answer to what the platform signed', ENCLAVE),
      plain('endorsement', 'the signed endorsement, above', ENCLAVE),
    ],
  },
  'evidence-envelope': {
    title: 'Evidence envelope',
    how: 'In the evidence message.',
    fields: [
      format(ENCLAVE),
      plain('platform', 'name of the platform', ENCLAVE),
      plain(
        'bytes',
        'what the platform made, with the chip’s id and firmware versions; below for the simulated one',
        ENCLAVE,
      ),
    ],
  },
  'simulated-evidence': {
    title: 'Simulated evidence',
    how: 'In the evidence envelope.',
    fields: [
      format(ENCLAVE),
      plain('certificate', 'certificate of the simulated chip, below', ENCLAVE),
      plain('certificateSignature', 'the root’s signature of it', ENCLAVE),
      plain('quote', 'the quote, below', ENCLAVE),
      plain('quoteSignature', 'the chip’s signature of it', ENCLAVE),
    ],
  },
  'chip-certificate': {
    title: 'Certificate of a simulated chip',
    how: 'In simulated evidence.',
    fields: [
      format(ENCLAVE),
      plain('instance', 'name of the machine', ENCLAVE),
      plain('chipKey', 'the chip’s public key', ENCLAVE),
      plain('notBefore', 'when it begins', ENCLAVE),
      plain('notAfter', 'when it ends', ENCLAVE),
    ],
  },
  quote: {
    title: 'Quote of a simulated chip',
    how: 'In simulated evidence.',
    fields: [
      format(ENCLAVE),
      plain('measurement', 'which program runs', ENCLAVE),
      plain('debug', 'whether its memory can be read', ENCLAVE),
      plain('svn', 'security version of the platform', ENCLAVE),
      plain('role', 'that it is a hospital’s agent', ENCLAVE),
      plain('reportData', 'hash that binds the quote to the session', ENCLAVE),
      plain('issuedAt', 'the chip’s clock', ENCLAVE),
    ],
  },
  confirm: {
    title: 'Confirm',
    how: 'Ends the handshake, sealed.',
    fields: [
      plain('role', 'that it is a hospital’s agent', ENCLAVE),
      plain('enclaveEvidence', 'digest of the enclave’s evidence message', ENCLAVE),
      plain('siteEvidence', 'digest of its own', ENCLAVE),
    ],
  },
  challenge: {
    title: 'Challenge',
    how: 'Asks the enclave for fresh evidence, sealed.',
    fields: [
      plain('attestationSequence', 'number of the question', ENCLAVE),
      plain('nonce', '32 random bytes', ENCLAVE),
    ],
  },
  refuse: {
    title: 'Refuse',
    how: 'Says why the agent ends a session, sealed.',
    fields: [plain('code', 'an error code about the enclave’s messages', ENCLAVE)],
  },
  hello: {
    title: 'Hello',
    how: 'First message of a handshake, readable for the relay.',
    fields: [
      format(WIRE),
      plain('version', 'version of the protocol', WIRE),
      plain('suite', 'name of the one cipher suite', WIRE),
      plain('contractDigest', 'digest of the contract', WIRE),
      plain('nonce', '32 random bytes', WIRE),
    ],
  },
  open: {
    title: 'Open',
    how: 'Third message of a handshake, readable for the relay.',
    fields: [format(WIRE), plain('enc', 'encapsulation of the session’s key', WIRE)],
  },
  frame: {
    title: 'Frame',
    how: 'Every message after Open travels in frames of at most 1 MiB.',
    fields: [
      plain('type', 'evidence, confirm, application, challenge, refuse or final', WIRE),
      plain('frame_seq', 'number of the frame', WIRE),
      paid('ciphertext', 'the message, sealed with the session’s key', WIRE),
      plain('tag', 'authentication tag', WIRE),
    ],
  },
  GetContractRequest: { title: 'gRPC `GetContract`', how: 'When the agent starts. It has no fields.', fields: [] },
  SubmitApprovalRequest: {
    title: 'gRPC `SubmitApproval`',
    how: 'When the agent starts.',
    fields: [plain('approval', 'the signed approval, above', COORDINATOR)],
  },
  SubmitWithdrawalRequest: {
    title: 'gRPC `SubmitWithdrawal`',
    how: 'When the hospital leaves the study.',
    fields: [plain('withdrawal', 'the signed withdrawal, above', COORDINATOR)],
  },
  GetStatusRequest: { title: 'gRPC `GetStatus`', how: 'When somebody asks. It has no fields.', fields: [] },
  WatchStudyRequest: {
    title: 'gRPC `Watch`',
    how: 'When somebody watches a study.',
    fields: [plain('fromSequence', 'first event that is wanted', COORDINATOR)],
  },
  GetStatementsRequest: {
    title: 'gRPC `GetStatements`',
    how: 'When somebody reads the statements.',
    fields: [
      plain('fromCounter', 'first statement that is wanted', COORDINATOR),
      plain('limit', 'how many at once', COORDINATOR),
    ],
  },
  HealthCheckRequest: {
    title: 'gRPC health `Check` and `Watch`',
    how: 'When somebody probes a server.',
    fields: [plain('service', 'name of the service asked about', COORDINATOR)],
  },
  Frame: {
    title: 'gRPC `Channel`',
    how: 'Carries handshake messages and frames.',
    fields: [
      paid('payload', 'one handshake message or frame, above', WIRE),
      agreed('consilium-site', 'header: the hospital’s id', WIRE),
    ],
  },
  certificate: {
    title: 'TLS certificate',
    how: 'In every connection; in a real study the consortium’s own authority issues it. Shown: those of `consilium tls issue`.',
    fields: [
      plain('serialNumber', 'random', COORDINATOR),
      plain('issuer', 'name of the authority', COORDINATOR),
      plain('validity', 'when it begins and ends', COORDINATOR),
      agreed('subject', 'the role and the hospital’s id', COORDINATOR),
      plain('subjectPublicKey', 'the connection’s public key', COORDINATOR),
      agreed('subjectAltName', 'the role and the hospital’s id', COORDINATOR),
    ],
  },
} as const satisfies Readonly<Record<string, DisclosedMessage>>;

/** What no field says and an onlooker sees all the same. */
export const SIGNALS: readonly Disclosure[] = [
  agreed('taking part', 'which hospital commits, is in a cohort, and has its update accepted, in which round', STUDY),
  agreed('the success of a round', 'that a round was released or aborted, and the code of the abort', STUDY),
  agreed(
    'published records',
    'with noise: the rounded number of training records of each hospital, in the contract',
    STUDY,
  ),
  paid(
    'released models',
    'what a model made of the sum tells about single records',
    'the hospitals; the coordinator too if the contract says so',
  ),
  agreed(
    'reading the data file',
    'that an agent stays connected: it leaves again where its file breaks a rule of the contract (a value beyond its range, a test row that the file lacks), which answers that question exactly and without noise',
    STUDY,
  ),
  plain('connections', 'address, times, sizes of frames: all updates of a study have one size', `${WIRE}; the network`),
];
