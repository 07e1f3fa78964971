import { describe, expect, it } from 'vitest';
import { playStudies, SETTINGS } from './play-studies.ts';

describe('PROTOCOL §7, three deciders together, under any interleaving', () => {
  it.each(SETTINGS)('$name: every promise is kept at every step', (setting) => {
    const played = playStudies(setting, { runs: 8, length: 400 });
    expect(played.steps).toBeGreaterThan(500);
    expect(played.releases).toBeGreaterThan(0);
  });
});
