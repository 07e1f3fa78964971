import { vi } from 'vitest';

/* To be imported before anything else: what is loaded already is not replaced. */

vi.mock('../../lib/core/ed25519.ts', async (original) => {
  const { memoisedEd25519 } = await import('./memoised.ts');
  return memoisedEd25519(await original());
});
vi.mock('../../lib/contract/shapes.ts', async (original) => {
  const { memoisedShapes } = await import('./memoised.ts');
  return memoisedShapes(await original());
});
vi.mock('../../lib/channel/accept-site-session.ts', async () => {
  const { acceptBareSession: acceptSiteSession } = await import('./bare-session.ts');
  return { acceptSiteSession };
});
vi.mock('../../lib/channel/open-site-session.ts', async () => {
  const { openBareSession: openSiteSession } = await import('./bare-session.ts');
  return { openSiteSession };
});
