import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SiteTroubles } from '../../../../cli/simulation/site-troubles.ts';
import { createLogger } from '../../../../lib/telemetry/logger.ts';

describe('what hospitals report about themselves', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'consilium-troubles-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const logOf = (site: string) =>
    createLogger({ name: `site-${site}`, level: 'info', destination: { file: join(folder, `${site}.log`) } });

  it('is nothing while there is no log, and while all is well', () => {
    const troubles = new SiteTroubles(folder);
    expect(troubles.explain('adler')).toBeNull();
    logOf('adler').info('enclave.attested');
    expect(troubles.explain('adler')).toBeNull();
    expect(troubles.isOut('adler')).toBe(false);
  });

  it('tells who refused whom', () => {
    const troubles = new SiteTroubles(folder);
    const adler = logOf('adler');
    adler.warn('enclave.refused', { code: 'E-ATTEST-DEBUG' });
    adler.warn('enclave.refused', { code: 'E-ATTEST-MEASUREMENT' });
    adler.warn('session.ended', { code: 'E-ATTEST-DEBUG' });
    expect(troubles.explain('adler')).toBe('it refuses the enclave: E-ATTEST-DEBUG, E-ATTEST-MEASUREMENT');
    logOf('birch').warn('session.ended', { code: 'E-ATTEST-INSTANCE' });
    expect(troubles.explain('birch')).toBe('the enclave refuses it: E-ATTEST-INSTANCE');
    logOf('cedar').warn('session.ended', { code: 'E-TRANSPORT' });
    expect(troubles.explain('cedar')).toBe('its session ended: E-TRANSPORT');
    expect(['adler', 'birch', 'cedar'].map((site) => troubles.isOut(site))).toEqual([true, true, false]);
    expect(troubles.refusals(['adler', 'birch', 'cedar', 'dogwood']).map(({ code }) => code)).toEqual([
      'E-ATTEST-DEBUG',
      'E-ATTEST-INSTANCE',
      'E-TRANSPORT',
    ]);
  });

  it('forgets a trouble that is over, reading on where it stopped, even within a line', () => {
    const troubles = new SiteTroubles(folder);
    const file = join(folder, 'adler.log');
    const line = '{"event":"session.ended","code":"E-ATTEST-DEBUG"}\n';
    appendFileSync(file, line.slice(0, 20));
    expect(troubles.explain('adler')).toBeNull();
    appendFileSync(file, line.slice(20));
    expect(troubles.isOut('adler')).toBe(true);
    appendFileSync(file, '{"event":"enclave.attested"}\n');
    expect(troubles.isOut('adler')).toBe(false);
    expect(troubles.explain('adler')).toBeNull();
  });

  it('believes no code that does not exist and no line that is not its own', () => {
    const troubles = new SiteTroubles(folder);
    const lines = [
      'not json',
      '"text"',
      'null',
      '{"event":"session.ended","code":"toString"}',
      '{"code":"E-TRANSPORT"}',
    ];
    appendFileSync(join(folder, 'adler.log'), lines.map((line) => `${line}\n`).join(''));
    expect(troubles.explain('adler')).toBeNull();
  });

  it('knows an agent that died, until it is connected again', () => {
    const troubles = new SiteTroubles(folder);
    const adler = logOf('adler');
    adler.info('enclave.attested');
    troubles.died('adler', 'SIGKILL');
    expect(troubles.explain('adler')).toBe('its agent died (SIGKILL) and is started again');
    expect(troubles.isOut('adler')).toBe(false);
    adler.info('enclave.attested');
    expect(troubles.explain('adler')).toBeNull();
  });

  it('knows an agent that ended for good', () => {
    const troubles = new SiteTroubles(folder);
    troubles.gone('adler', 'exit 78');
    expect(troubles.isOut('adler')).toBe(true);
    expect(troubles.refusals(['adler'])).toEqual([{ code: 'E-PROCESS', detail: 'adler: its agent ended (exit 78)' }]);
  });
});
