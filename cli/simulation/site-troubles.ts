import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERRORS, refusal, type ErrorCode, type Refusal } from '../../lib/core/errors.ts';

/** Why a hospital is not connected, from the log of its own agent. */
interface Trouble {
  /** The enclave did not pass this hospital's appraisal, or the session ended otherwise. */
  readonly refusedEnclave: boolean;
  readonly codes: readonly ErrorCode[];
}

interface Reading {
  offset: number;
  trouble: Trouble | null;
  /** How its processes died; null once it is connected again. */
  died: string | null;
  /** How they ended for good. */
  gone: string | null;
}

/** Reads along in the logs of the hospitals' agents: in a real study each hospital sees only its own. */
export class SiteTroubles {
  readonly #logs: string;
  readonly #readings = new Map<string, Reading>();

  constructor(logs: string) {
    this.#logs = logs;
  }

  /** The agent's processes died and are started again. */
  died(site: string, how: string): void {
    this.#refreshed(site).died = how;
  }

  /** The agent's processes ended for good. */
  gone(site: string, why: string): void {
    this.#reading(site).gone = why;
  }

  /** True when waiting will not bring this hospital: its agent is gone, or attestation failed on either side. */
  isOut(site: string): boolean {
    const { trouble, gone } = this.#refreshed(site);
    return gone !== null || (trouble?.codes.some(isLasting) ?? false);
  }

  /** In plain words with codes; null when its agent reports nothing. */
  explain(site: string): string | null {
    const { trouble, died, gone } = this.#refreshed(site);
    if (gone !== null) return `its agent ended (${gone})`;
    if (died !== null) return `its agent died (${died}) and is started again`;
    if (trouble === null) return null;
    const codes = trouble.codes.join(', ');
    if (trouble.refusedEnclave) return `it refuses the enclave: ${codes}`;
    return trouble.codes.some(isLasting) ? `the enclave refuses it: ${codes}` : `its session ended: ${codes}`;
  }

  /** One refusal for each hospital that reports something, with the code that it met. */
  refusals(sites: readonly string[]): Refusal[] {
    return sites.flatMap((site) => {
      const why = this.explain(site);
      if (why === null) return [];
      const { trouble, died, gone } = this.#reading(site);
      const ended = gone !== null || died !== null;
      const code = ended ? undefined : (trouble?.codes.find(isLasting) ?? trouble?.codes[0]);
      return [refusal(code ?? 'E-PROCESS', `${site}: ${why}`)];
    });
  }

  #refreshed(site: string): Reading {
    const reading = this.#reading(site);
    const text = readLog(join(this.#logs, `${site}.log`));
    const end = text.lastIndexOf('\n') + 1;
    for (const line of text.slice(reading.offset, end).split('\n')) {
      if (line === '') continue;
      const { event, code } = logLine(line);
      if (event === 'enclave.attested') reading.died = null;
      reading.trouble = troubleAfter(reading.trouble, { event, code });
    }
    reading.offset = end;
    return reading;
  }

  #reading(site: string): Reading {
    const known = this.#readings.get(site);
    if (known !== undefined) return known;
    const fresh = { offset: 0, trouble: null, died: null, gone: null };
    this.#readings.set(site, fresh);
    return fresh;
  }
}

interface LogLine {
  readonly event: string | null;
  readonly code: ErrorCode | null;
}

function troubleAfter(trouble: Trouble | null, { event, code }: LogLine): Trouble | null {
  if (event === 'enclave.attested') return null;
  if (code === null) return trouble;
  if (event === 'enclave.refused') {
    const known = trouble?.refusedEnclave === true ? trouble.codes : [];
    return { refusedEnclave: true, codes: known.includes(code) ? known : [...known, code] };
  }
  if (event !== 'session.ended') return trouble;
  return trouble?.refusedEnclave === true && trouble.codes.includes(code)
    ? trouble
    : { refusedEnclave: false, codes: [code] };
}

/** A verdict of attestation stays what it is until somebody changes a machine, a program or a contract. */
const isLasting = (code: ErrorCode): boolean =>
  code.startsWith('E-ATTEST-') && !ERRORS[code].retryable && code !== 'E-ATTEST-STALE';

function logLine(line: string): LogLine {
  const nothing = { event: null, code: null };
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return nothing;
  }
  if (typeof parsed !== 'object' || parsed === null) return nothing;
  const event = 'event' in parsed && typeof parsed.event === 'string' ? parsed.event : null;
  const code = 'code' in parsed && typeof parsed.code === 'string' && isCode(parsed.code) ? parsed.code : null;
  return { event, code };
}

const isCode = (text: string): text is ErrorCode => Object.hasOwn(ERRORS, text);

function readLog(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (fault) {
    if (fault instanceof Error && 'code' in fault && fault.code === 'ENOENT') return '';
    throw fault;
  }
}
