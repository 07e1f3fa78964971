import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeHtml, html } from '../../../cli/report/html.ts';
import { renderReport } from '../../../cli/report/report.ts';
import type { RunSummary } from '../../../cli/report/run-summary.ts';
import { STYLE } from '../../../cli/report/style.ts';
import { contrast } from './contrast.ts';
import { exampleSummary, noisySummary } from './example-summary.ts';
import { parseMarkup, type MarkupElement } from './markup.ts';

const page = renderReport(exampleSummary);
const elements = parseMarkup(page);
const said = (summary: RunSummary): string =>
  renderReport(summary)
    .replaceAll(/<\/t[dh]>/g, ' ')
    .replaceAll(/<[^>]+>/g, '')
    .replaceAll(/\s+/g, ' ')
    .toLowerCase();

function must<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('not there');
  return value;
}

const seededNoise: RunSummary = { ...noisySummary, randomness: 'seeded', epsilonValid: false };
const noisyPrivacy = must(noisySummary.privacy);
/** Every hospital of this one has a curve of its own. */
const uneven: RunSummary = {
  ...noisySummary,
  sites: ['a', 'b', 'c', 'd', 'e'],
  epsilonBySite: { a: 2.2, b: 2.1, c: 1.4, d: 0.7, e: 0 },
  privacy: {
    ...noisyPrivacy,
    spentByRound: [{ round: 4, epsilonBySite: { a: 2.2, b: 2.1, c: 1.4, d: 0.7, e: 0 } }],
  },
};

/** Summaries at the edges of what a run can give. */
const EDGES: Readonly<Record<string, RunSummary>> = {
  'noise in the enclave': noisySummary,
  'noise from a chosen seed': seededNoise,
  'noise at the sites': { ...noisySummary, noise: 'site', privacy: { ...noisyPrivacy, stepsPerRound: 4 } },
  'noise, and every hospital spent something else': uneven,
  'noise, and nothing was spent': {
    ...noisySummary,
    rounds: 0,
    history: [],
    epsilon: 0,
    epsilonBySite: {},
    privacy: { ...noisyPrivacy, spentByRound: [], roundsBySite: {}, publicRecords: {} },
  },
  'no round released': { ...exampleSummary, rounds: 0, history: [] },
  'one round, no AUC, no training loss': {
    ...exampleSummary,
    rounds: 1,
    aucPooled: null,
    accuracyMeanOfSites: null,
    history: [
      {
        round: 1,
        attempt: 1,
        aborted: [],
        testLogLoss: 0.7,
        testAuc: null,
        ms: 12,
        participants: ['cleveland'],
        absent: [],
      },
    ],
  },
  'three hundred rounds of the same loss': {
    ...exampleSummary,
    history: Array.from({ length: 300 }, (_, index) => ({
      round: index + 1,
      attempt: 1,
      aborted: [],
      testLogLoss: 0.5,
      testAuc: 0.5,
      ms: 1,
      participants: exampleSummary.sites,
      absent: [],
    })),
  },
  'a hospital with no rows and no baselines': {
    ...exampleSummary,
    faults: [],
    sites: ['unknown'],
    rows: {},
    accuracyBySite: { unknown: null },
    baselines: {
      local: { bySite: {}, accuracyMeanOfSites: 0 },
      pooled: { accuracyMeanOfSites: 0, aucPooled: null, logLoss: 0 },
    },
    passportChecks: [],
    files: {},
    computedBySimulator: [],
  },
};

describe('the page', () => {
  test('is the same for the same summary', () => {
    expect(renderReport(structuredClone(exampleSummary))).toBe(page);
  });

  test.each(Object.entries({ 'the example': exampleSummary, ...EDGES }))('is well-formed: %s', (_, summary) => {
    const text = renderReport(summary);
    expect(() => parseMarkup(text)).not.toThrow();
    expect(text).not.toMatch(/NaN|Infinity|undefined|\[object/);
  });

  test('fetches nothing and runs nothing', () => {
    const names = new Set(elements.map(({ name }) => name));
    for (const name of ['script', 'link', 'img', 'iframe', 'object', 'embed', 'form', 'base'])
      expect(names).not.toContain(name);
    for (const { attributes } of elements) {
      for (const [name, value] of attributes) {
        expect(name).not.toMatch(/^on|^src$/);
        if (name === 'href') expect(value).toMatch(/^#|^data:text\/csv/);
      }
    }
    expect(page).not.toMatch(/https?:|url\((?!#)|@import/);
  });

  test('has one title, a language, and headings that do not skip a level', () => {
    expect(elements.find(({ name }) => name === 'html')?.attributes.get('lang')).toBe('en');
    const levels = elements.filter(({ name }) => /^h\d$/.test(name)).map(({ name }) => Number(name.slice(1)));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    levels.forEach((level, index) => {
      expect(level).toBeLessThanOrEqual((levels[index - 1] ?? 0) + 1);
    });
  });

  test('names every table, chart and region for those who do not see them', () => {
    const ids = elements.flatMap(({ attributes }) => attributes.get('id') ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    const referred = elements.flatMap(({ attributes }) =>
      (attributes.get('aria-labelledby') ?? '').split(' ').filter(Boolean),
    );
    expect(ids).toEqual(expect.arrayContaining(referred));
    const count = (wanted: (element: MarkupElement) => boolean): number => elements.filter(wanted).length;
    expect(count(({ name }) => name === 'caption')).toBe(count(({ name }) => name === 'table'));
    for (const { name, attributes } of elements) {
      if (name === 'svg') expect(attributes.get('role')).toBe('img');
      if (name === 'th') expect(attributes.get('scope')).toMatch(/^(row|col)$/);
      if (attributes.get('role') === 'region') expect(attributes.get('aria-label')).toBeTruthy();
    }
  });
});

describe('what it says', () => {
  test.each([
    'Coronary heart disease from routine measurements',
    'Attestation was SIMULATED. It protects nothing.',
    'Keys and randomness came from a chosen SEED.',
    '4 hospitals (cleveland, hungarian, switzerland and va-long-beach) trained one model together in 20 rounds',
    'the higher risk in 88 of 100 cases (AUC 0.881)',
    'Log-loss after each round',
    'AUC after each round',
    'Accuracy on each hospital’s test patients',
    'rounds 7–8: the connection was lost and came back too late',
    'Released only after another attempt: round 7 (attempt 1: E-COHORT-REQUIRED).',
    'Faults that were asked for',
    '--drop va-long-beach@7',
    'round 7, attempt 1, opening',
    'from the start',
    'did not strike: the study never came to that point of round 20',
    'No differential privacy was used.',
    'epsilon is none',
    'consilium verify model passport-bundle.cbor --org-keys org-keys --roots roots.cbor',
    exampleSummary.modelDigest,
    exampleSummary.contractDigest,
    exampleSummary.attestation.enclaveMeasurement,
    'Computed by the simulator',
  ])('%s', (text) => {
    expect(said(exampleSummary)).toContain(text.toLowerCase());
  });

  test('synthetic data has its own banner, real data does not', () => {
    expect(page).not.toContain('The data is SYNTHETIC.');
    expect(renderReport({ ...exampleSummary, synthetic: true })).toContain('The data is SYNTHETIC.');
    expect(renderReport({ ...exampleSummary, randomness: 'csprng' })).not.toContain('chosen SEED');
  });

  test('a failed check cannot be missed', () => {
    const [first, ...rest] = exampleSummary.passportChecks;
    if (first === undefined) throw new Error('no checks');
    const failed = renderReport({
      ...exampleSummary,
      passportVerified: false,
      passportChecks: [{ ...first, passed: false }, ...rest],
    });
    expect(failed).toContain('Do not use the model: 1 of 6 checks failed.');
    expect(failed).toContain('✗ FAILED');
    expect(failed).not.toContain('every check below passed');
  });

  test('results of fewer than ten people are suppressed in words, never 0, also in the CSV', () => {
    const rows = { ...exampleSummary.rows, switzerland: { trained: 30, tested: 9, dropped: 77 } };
    const few = renderReport({ ...exampleSummary, rows });
    expect(few).toContain('suppressed (&lt;10 people)');
    expect(few).toContain(encodeURIComponent('switzerland,suppressed (<10 people)'));
    expect(few).not.toContain('0.938');
    expect(page).not.toContain('suppressed');
  });

  test('charts show every point, once as a mark and once in the table', () => {
    const marks = elements.filter(({ attributes }) => attributes.get('class') === 'mark primary');
    expect(marks).toHaveLength(2 * 20 + 2);
    for (const { testLogLoss } of exampleSummary.history) expect(page).toContain(`>${testLogLoss.toFixed(4)}<`);
  });
});

describe('what it says of privacy', () => {
  test.each([
    'Noise limits what anybody can learn about a single record from the models: the whole study cost it at most ε = 2.973 of the 3 allowed, at δ = 0.0001.',
    'Privacy spent (ε) 2.973 of 3',
    'Taking part has cost a patient record at most ε = 2.973 of the 3 that the contract allows, at δ = 0.0001.',
    // e^2.9730 · 0.01 + 0.0001 = 0.1956
    'who may wrongly name 1 in 100 of the records that were not used for training, recognises at most 19.6 % of those that were',
    'Noise was added in the enclave, once for all hospitals together',
    'not against whoever can read the enclave’s memory',
    'Here the enclave was simulated: its operator could read that memory.',
    'va-long-beach 2.952 3 0.049 59 90',
    'cleveland and 2 others: 0.027 at the end',
    'one record: one row of one hospital’s training data',
    '(add or remove)',
    '0.0001: the part of the promise that may fail altogether, 1 in 10 000',
    'with chance 0.11, each for itself; one step a round',
    'by more than 0.4 (Euclidean norm)',
    '2 530 351 steps of 2.38e-7, where one record moves it by 1 703 940 at most, rounding included',
    'All records in one place, without noise, all test patients',
    'Only the shared model was trained with noise.',
    'Training losses do not leave a hospital when noise is added',
    'and with it the noise and the ε that it states',
  ])('with noise: %s', (text) => {
    expect(said(noisySummary)).toContain(text.toLowerCase());
    expect(said(exampleSummary)).not.toContain(text.toLowerCase());
  });

  test('a seeded run has no valid ε, and none stands among its figures', () => {
    const text = said(seededNoise);
    for (const phrase of [
      'no ε of this run is valid.',
      'privacy spent (ε) not valid',
      'without the seed, taking part would have cost',
    ])
      expect(text).toContain(phrase);
    expect(text).not.toMatch(/taking part has cost|recognises at most/);
    expect(said(noisySummary)).not.toContain('valid.');
  });

  test('an ε of next to nothing is called that, and more than the contract allows too', () => {
    const high = said({ ...noisySummary, epsilon: 6 });
    expect(high).toContain('99.8 % of those that were');
    expect(high).toContain('that is next to no protection');
    expect(high).toContain('that is more than the contract allows.');
    expect(said(noisySummary)).not.toMatch(/next to no protection|more than the contract/);
  });

  test('noise at the sites protects against the enclave', () => {
    const text = said(must(EDGES['noise at the sites']));
    expect(text).toContain('noise was added at each hospital, in every step of its training');
    expect(text).toContain('everybody outside the hospital: the enclave, the other hospitals');
    expect(text).toContain('4 steps a round');
    expect(text).not.toContain('its operator could read');
  });

  test('of more curves than can be told apart only the outer two are drawn, and the table has all', () => {
    const text = said(uneven);
    expect(text).toContain('only the hospitals with the least and with the most left are drawn');
    expect(text).toContain('a: 0.800 at the end');
    expect(text).toContain('e: 3.000 at the end');
    expect(text).not.toContain('c: 1.600 at the end');
    expect(text).toContain('4 2.200 2.100 1.400 0.700 0.000');
  });
});

describe('hostile names', () => {
  const attack = `</title></style><script>alert(1)</script>"' onload="x" &amp; <!-- \u0000 \u202e`;

  test('stay text wherever they come from', () => {
    const site = `x${attack}`;
    const hostile = renderReport({
      ...exampleSummary,
      study: { id: attack, title: attack },
      sites: [site],
      backend: attack,
      modelDigest: attack,
      finishedAt: attack,
      passportChecks: [{ name: attack, passed: true, detail: attack }],
      attestation: { platform: attack, simulated: true, enclaveMeasurement: attack, siteMeasurement: attack },
      policy: { kMin: 3, requireSites: [attack], environment: 'simulation' },
      files: { bundle: attack, [attack]: attack },
      history: exampleSummary.history.map((round) => ({ ...round, absent: [{ site, why: attack }] })),
    });
    const names = new Set(parseMarkup(hostile).map(({ name }) => name));
    expect(names).toEqual(new Set(elements.map(({ name }) => name)));
    expect(hostile).not.toMatch(/<script|onload="/);
  });

  test('no text at all gives markup', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { markup } = html`<html title="${text}">
          ${text}
        </html>`;
        expect(parseMarkup(markup).map(({ name }) => name)).toEqual(['html']);
        // eslint-disable-next-line no-control-regex -- the characters that HTML forbids
        expect(escapeHtml(text)).not.toMatch(/[<>"'\u0000]/);
      }),
    );
  });

  test('a path in a command is quoted for the shell', () => {
    const text = renderReport({ ...exampleSummary, files: { bundle: "it's; rm -rf ~" } });
    expect(text).toContain(escapeHtml(`consilium verify model 'it'\\''s; rm -rf ~' --org-keys KEYS --roots ROOTS`));
  });

  test('a cell in a CSV cannot become a formula', () => {
    const sites = ['=HYPERLINK("x")'];
    const link = parseMarkup(renderReport({ ...exampleSummary, sites })).find(
      ({ attributes }) => attributes.get('download') === 'hospitals.csv',
    );
    const csv = decodeURIComponent(
      (link?.attributes.get('href') ?? '').replaceAll('&#39;', "'").split(',').slice(1).join(','),
    );
    expect(csv.split('\r\n')[1]).toMatch(/^"'=HYPERLINK\(""x""\)"/);
  });
});

describe('contrast (WCAG 2.1 §1.4.3, definition of relative luminance)', () => {
  const variable = (name: string): string => new RegExp(`--${name}: (#[0-9a-f]+)`).exec(STYLE)?.[1] ?? '';
  const failed = /span\.failed \{ color: (#[0-9a-f]+)/.exec(STYLE)?.[1] ?? '';
  const passed = /span\.passed \{ color: (#[0-9a-f]+)/.exec(STYLE)?.[1] ?? '';
  const banner = /\.banner\.strong \{ background: (#[0-9a-f]+)/.exec(STYLE)?.[1] ?? '';

  test('the measure itself: black on white is 21, #777 on white fails', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
    expect(contrast('#777777', '#fff')).toBeLessThan(4.5);
  });

  test.each([
    [variable('ink'), '#ffffff'],
    [variable('soft'), '#ffffff'],
    [variable('blue'), '#ffffff'],
    [variable('orange'), '#ffffff'],
    [variable('ink'), variable('ground')],
    [variable('ink'), banner],
    [failed, '#ffffff'],
    [passed, '#ffffff'],
  ])('%s on %s is at least 4.5', (ink, ground) => {
    expect(contrast(ink, ground)).toBeGreaterThanOrEqual(4.5);
  });
});

test('says nothing of faults where nobody asked for any', () => {
  expect(renderReport({ ...exampleSummary, faults: [] })).not.toContain('Faults that were asked for');
});
