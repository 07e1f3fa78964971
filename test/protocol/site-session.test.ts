import { beforeAll, describe, expect, it } from 'vitest';
import { SiteSession, type SessionPort } from '../../aggregator-enclave/site-session.ts';
import { headOfChain, NOTHING_SEEN } from '../../lib/audit/chain.ts';
import { decodePublication } from '../../lib/audit/passport-bundle.ts';
import { decodeEnclaveMessage, encodeMessage, HISTORY, type EnclaveMessage } from '../../lib/audit/session-message.ts';
import type { Head } from '../../lib/contract/shapes.ts';
import { sealContract } from '../../lib/contract/study-contract.ts';
import { toHex } from '../../lib/core/bytes.ts';
import { createMemoryDisk, openMemoryStore } from '../../lib/store/memory.ts';
import { EnclaveOnStore } from '../support/enclave-on-store.ts';
import { must } from '../support/study-in-memory.ts';
import { START, testContract } from '../support/test-contract.ts';

const { contract } = testContract();
const sealed = must(
  sealContract({
    ...contract,
    rounds: 9,
    organisations: contract.organisations.slice(0, 2),
    kMin: 2,
    requireSites: [],
  }),
);
/** So many that their history needs several messages. */
const ABORTED = 140;

/** A site's end of the session: what it was told, and how fast it listens. */
class Listener implements SessionPort {
  readonly heard: EnclaveMessage[] = [];
  #said: Uint8Array[] = [];
  #wake: () => void = () => undefined;
  #ended = false;
  /** Resolves when the site takes the next message; by default at once. */
  taking: () => Promise<void> = () => Promise.resolve();

  async send(message: Uint8Array): Promise<void> {
    this.heard.push(must(decodeEnclaveMessage(message)));
    await this.taking();
  }

  async next(): Promise<Uint8Array | null> {
    while (this.#said.length === 0 && !this.#ended) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#said.shift() ?? null;
  }

  async close(): Promise<void> {
    this.leave();
  }

  sync(head: Head | null, round: number): void {
    this.#said.push(encodeMessage({ type: 'sync', head, round }));
    this.#wake();
  }

  leave(): void {
    this.#ended = true;
    this.#wake();
  }

  get statements(): Uint8Array[] {
    return this.heard.flatMap((message) => {
      if (message.type === 'history') return message.statements;
      return message.type === 'statement' ? [message.statement] : [];
    });
  }

  /** Kinds of messages, in order; statements and histories that follow each other once. */
  get order(): string {
    const kinds = this.heard.map(({ type }) => type);
    return kinds.filter((kind, index) => kind !== kinds[index - 1]).join(' ');
  }
}

function serve(study: EnclaveOnStore, head: Head | null, round: number): { site: Listener; over: Promise<void> } {
  const site = new Listener();
  const [organisation] = sealed.contract.organisations;
  if (organisation === undefined) throw new Error('no organisation');
  const session = new SiteSession({
    enclave: study.enclave,
    organisation: organisation.id,
    port: site,
    attestedHead: head ?? NOTHING_SEEN,
    onRefused: () => undefined,
  });
  const over = session.run();
  site.sync(head, round);
  return { site, over };
}

/** What a site hears that leaves once it is told everything there is. */
async function heard(study: EnclaveOnStore, head: Head | null, round: number): Promise<Listener> {
  const { site, over } = serve(study, head, round);
  site.leave();
  await over;
  return site;
}

describe('PROTOCOL §7.10: what a site is told', () => {
  let study: EnclaveOnStore;
  let chain: Uint8Array[];

  beforeAll(async () => {
    study = await EnclaveOnStore.start(sealed, openMemoryStore());
    for (let attempt = 1; attempt <= ABORTED; attempt++) {
      await study.command({ type: 'open-round', at: START, round: 1, attempt });
      await study.command({ type: 'abort-round', at: START });
    }
    await study.catchUp();
    await study.run(1, ABORTED + 1);
    await study.command({ type: 'open-round', at: START, round: 2, attempt: 1 });
    chain = (await study.statements()).map(({ bytes }) => bytes);
  });

  const headAt = (length: number): Head | null => headOfChain(study.ledger.chain.slice(0, length));

  it('is all of it, once and in order: history in pages, the newest model, then what is current', async () => {
    const site = await heard(study, null, 0);
    expect(site.order).toBe('publication history release statement');
    expect(site.statements).toEqual(chain);
    const pages = site.heard.flatMap((message) => (message.type === 'history' ? [message.statements] : []));
    expect(pages.length).toBeGreaterThan(1);
    for (const page of pages) {
      expect(page.length).toBeLessThanOrEqual(HISTORY.count);
      expect(page.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(HISTORY.sizeBytes);
    }
    expect(site.heard.filter(({ type }) => type === 'statement')).toHaveLength(1);
  });

  it('begins behind the head that the site names, and leaves out the model that it has', async () => {
    for (const length of [1, 2, 100, chain.length - 2, chain.length - 1, chain.length]) {
      const site = await heard(study, headAt(length), 1);
      expect(site.statements).toEqual(chain.slice(length));
      expect(site.heard.filter(({ type }) => type === 'release')).toEqual([]);
    }
    expect((await heard(study, headAt(chain.length), 0)).order).toBe('publication release');
  });

  it('waits for a site that listens slowly, in one message; what was overtaken meanwhile is history', async () => {
    const slow = await EnclaveOnStore.start(sealed, openMemoryStore());
    const { site, over } = serve(slow, null, 0);
    await waitFor(() => site.statements.length === 1);
    let letGo: () => void = () => undefined;
    site.taking = () => new Promise((resolve) => (letGo = resolve));
    await slow.run(1);
    await slow.run(2);
    await slow.command({ type: 'open-round', at: START, round: 3, attempt: 1 });
    const before = site.heard.length;
    expect(site.heard.slice(2)).toMatchObject([{ type: 'statement' }]);
    site.taking = () => Promise.resolve();
    letGo();
    site.leave();
    await over;
    expect(site.statements).toEqual((await slow.statements()).map(({ bytes }) => bytes));
    expect(site.heard.slice(before).map(({ type }) => type)).toEqual(['history', 'release', 'statement']);
  });

  it('is the evidence of the boots behind what it has not seen, and of the present one', async () => {
    const disk = createMemoryDisk();
    const boots = [await EnclaveOnStore.start(sealed, openMemoryStore(disk))];
    const heads: (Head | null)[] = [null];
    for (let boot = 1; boot <= 3; boot++) {
      const running = boots.at(-1);
      if (running === undefined) throw new Error('no boot');
      heads.push(headOfChain(running.ledger.chain));
      await running.command({ type: 'open-round', at: START, round: 1, attempt: boot });
      // The next boot states the abort of this attempt.
      boots.push(await EnclaveOnStore.start(sealed, openMemoryStore(disk)));
    }
    const newest = boots.at(-1);
    if (newest === undefined) throw new Error('no boot');
    const keys = boots.map(({ enclave }) => toHex(enclave.environment.signer.publicKey));
    const published = async (head: Head | null): Promise<number[]> => {
      const site = await heard(newest, head, 0);
      return site.heard.flatMap((message) =>
        message.type === 'publication'
          ? [keys.indexOf(toHex(must(decodePublication(message.publication)).bootKey))]
          : [],
      );
    };
    expect(await published(null)).toEqual([0, 1, 2, 3]);
    expect(await published(heads[1] ?? null)).toEqual([0, 1, 2, 3]);
    // Its head is the abort that boot 1 stated: what boot 0 signed is behind it, and its publication costs little.
    expect(await published(heads[2] ?? null)).toEqual([0, 1, 2, 3]);
    expect(await published(heads[3] ?? null)).toEqual([1, 2, 3]);
    expect(await published(headOfChain(newest.ledger.chain))).toEqual([2, 3]);
  });
});

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
