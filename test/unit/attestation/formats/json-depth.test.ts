import { describe, expect, it } from 'vitest';
import { jsonObject } from '../../../../lib/attestation/formats/encoded-text.ts';

describe('a JSON object in evidence', () => {
  const nested = (depth: number): string => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;

  it('nests at most 64 deep', () => {
    expect(jsonObject(nested(64))).not.toBeNull();
    expect(jsonObject(nested(65))).toBeNull();
    expect(jsonObject(nested(7_000))).toBeNull();
  });

  it('may hold any number of brackets in its texts, and side by side', () => {
    const text = JSON.stringify({
      ['[{'.repeat(99)]: `\\"${'[{"'.repeat(99)}`,
      list: Array.from({ length: 99 }, () => []),
    });
    expect(jsonObject(text)).toEqual(JSON.parse(text));
  });
});
