import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderReport } from '../../../cli/report/report.ts';
import { chromiumPath, ChromiumPage } from '../../support/headless-chromium.ts';
import { contrast } from './contrast.ts';
import { exampleSummary, noisySummary } from './example-summary.ts';

if (chromiumPath === null) console.warn('SKIPPED: there is no Chromium; what the report looks like is not checked');

const REPORTS = {
  'without noise': renderReport(exampleSummary),
  'with noise': renderReport(noisySummary),
  'with noise from a seed': renderReport({
    ...noisySummary,
    randomness: 'seeded',
    epsilonValid: false,
    synthetic: true,
  }),
};
const WIDTHS = [1100, 400];
const shown = Object.entries(REPORTS).flatMap(([name, page]) => WIDTHS.map((width) => ({ name, page, width })));

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary: string }[];
}

describe.skipIf(chromiumPath === null)('the report in headless Chromium', () => {
  let browser: ChromiumPage;
  const require = createRequire(import.meta.url);
  const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

  beforeAll(async () => {
    browser = await ChromiumPage.launch(chromiumPath ?? '');
  });
  afterAll(() => browser.close());

  /** axe-core on the page as a reader opens it, with everything unfolded. */
  async function violations(): Promise<string[]> {
    await browser.evaluate(`document.querySelectorAll('details').forEach((part) => { part.open = true; })`);
    await browser.evaluate(`${axe}; undefined`);
    const found = await browser.evaluate<Violation[]>(`axe.run().then(({ violations }) => violations)`);
    return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')}`));
  }

  test.each(shown)('axe-core has nothing against it: $name, $width px', async ({ page, width }) => {
    await browser.show(page, width);
    expect(await violations()).toEqual([]);
  });

  test('axe-core finds what is wrong: grey on white, no language, an image without words', async () => {
    const spoilt = REPORTS['with noise']
      .replace('--soft: #4a5158', '--soft: #9aa1a8')
      .replace('role="img" aria-labelledby', 'role="img" data-nothing')
      .replace(/<title id=[^]*?<\/title>/, '')
      .replace('<html lang="en">', '<html>');
    await browser.show(spoilt, 1100);
    const found = (await violations()).map((line) => line.split(':')[0]);
    expect(new Set(found)).toEqual(new Set(['color-contrast', 'html-has-lang', 'svg-img-alt']));
  });

  /** axe-core leaves the contrast of SVG text undecided; charts stand on the white of the page. */
  test.each(Object.entries(REPORTS))('the words in charts are dark enough: %s', async (_name, page) => {
    await browser.show(page, 1100);
    const fills = await browser.evaluate<string[]>(
      `[...new Set(Array.from(document.querySelectorAll('svg text'), (text) => getComputedStyle(text).fill))]`,
    );
    expect(fills.length).toBeGreaterThan(0);
    for (const fill of fills) {
      const [, ...channels] = /^rgb\((\d+), (\d+), (\d+)\)$/.exec(fill) ?? [];
      const colour = `#${channels.map((channel) => Number(channel).toString(16).padStart(2, '0')).join('')}`;
      expect(contrast(colour, '#ffffff')).toBeGreaterThanOrEqual(4.5);
    }
  });

  const sideways = (): Promise<number> =>
    browser.evaluate(`document.documentElement.scrollWidth - document.documentElement.clientWidth`);

  test.each(shown)('nothing makes the page scroll sideways: $name, $width px', async ({ page, width }) => {
    await browser.show(page, width);
    await browser.evaluate(`document.querySelectorAll('details').forEach((part) => { part.open = true; })`);
    expect(await sideways()).toBe(0);
    // A table that could not scroll by itself would.
    await browser.evaluate(`document.querySelector('table').style.minWidth = '${width + 200}px'`);
    expect(await sideways()).toBe(0);
    await browser.evaluate(
      `document.querySelectorAll('.scroll').forEach((part) => { part.style.overflow = 'visible'; })`,
    );
    expect(await sideways()).toBeGreaterThan(0);
  });

  test('its policy keeps scripts and the network out', async () => {
    const attacked = REPORTS['with noise'].replace(
      '</main>',
      '<script>document.title = "ran"</script><img id="fetched" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" alt="" /></main>',
    );
    await browser.show(attacked, 1100);
    expect(await browser.evaluate('document.title')).not.toBe('ran');
    expect(await browser.evaluate(`document.querySelector('#fetched').naturalWidth`)).toBe(0);
    await browser.show(attacked.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, ''), 1100);
    expect(await browser.evaluate('document.title')).toBe('ran');
  });

  test.each(Object.entries(REPORTS))('printed it still reads: %s', async (_name, page) => {
    await browser.show(page, 1100);
    const { data } = await browser.send<{ data: string }>('Page.printToPDF', { paperWidth: 8.27, paperHeight: 11.69 });
    const pdf = Buffer.from(data, 'base64');
    const pages = Array.from(pdf.toString('latin1').matchAll(/\/Type\s*\/Page\b/g)).length;
    expect(pages).toBeGreaterThanOrEqual(4);
    expect(pages).toBeLessThanOrEqual(12);
    if (spawnSync('pdftotext', ['-v']).error !== undefined) return;
    const text = execFileSync('pdftotext', ['-layout', '-', '-'], { input: pdf }).toString();
    // Folded parts are printed; what only a screen can do is not.
    for (const phrase of ['Attestation was SIMULATED', 'Loss and AUC after each round', 'Rows used for training'])
      expect(text).toContain(phrase);
    expect(text).not.toContain('Save as CSV');
  });
});
