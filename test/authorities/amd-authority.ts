/** The table of a host (GHCB specification 56421), with entries `[GUID in hexadecimal, content]`. */
export function certificateTable(entries: readonly (readonly [guid: string, content: Uint8Array])[]): Uint8Array {
  const headerBytes = 24 * (entries.length + 1);
  const header = Buffer.alloc(headerBytes);
  let offset = headerBytes;
  entries.forEach(([guid, content], index) => {
    header.write(guid, 24 * index, 'hex');
    header.writeUInt32LE(offset, 24 * index + 16);
    header.writeUInt32LE(content.length, 24 * index + 20);
    offset += content.length;
  });
  return new Uint8Array(Buffer.concat([header, ...entries.map(([, content]) => content)]));
}

export const TABLE_GUID = {
  VCEK: '63da758de6644564adc5f4b93be8accd',
  VLEK: 'a8074bc2a25a483eaae639c045a0b8a1',
  ASK: '4ab7b379bbac4fe4a02f05aef327c782',
  ARK: 'c0b406a4a803495297433fb6014cd0ae',
  CRL: '92f81bc358114d3d97ffd19f88dc67ea',
} as const;
