import { describe } from 'vitest';
import { createMemoryDisk, openMemoryStore } from '../../../lib/store/memory.ts';
import { conformance } from './conformance.ts';

describe('memory store', () => {
  conformance(() => {
    const disk = createMemoryDisk();
    return { open: async () => openMemoryStore(disk) };
  });
});
