import type { RootUse } from '../trust/vendor-roots.ts';
import type { SnpReport } from './report.ts';

/** Products with a root of their own; Bergamo and Siena belong to Genoa. */
export const PRODUCTS = ['milan', 'genoa', 'turin'] as const;
export type Product = (typeof PRODUCTS)[number];

/** Bergamo and Siena count their microcode on their own, so that minima are set for them on their own. */
export const PRODUCT_LINES = [...PRODUCTS, 'bergamo-siena'] as const;
export type ProductLine = (typeof PRODUCT_LINES)[number];

export const rootUseOf = (product: Product): RootUse => `amd-${product}`;

/** As in the names of AMD's certificates: `Milan`. */
export const titleOf = (product: Product): string => product.charAt(0).toUpperCase() + product.slice(1);

interface Processor {
  readonly family: number;
  readonly models: readonly (readonly [first: number, last: number])[];
}
/** CPUID Fn0000_0001: family and model, extended parts included. */
const PROCESSORS: Readonly<Record<ProductLine | 'venice', Processor>> = {
  milan: { family: 0x19, models: [[0x00, 0x0f]] },
  genoa: { family: 0x19, models: [[0x10, 0x1f]] },
  'bergamo-siena': { family: 0x19, models: [[0xa0, 0xaf]] },
  turin: { family: 0x1a, models: [[0x00, 0x11]] },
  venice: {
    family: 0x1a,
    models: [
      [0x50, 0x57],
      [0x90, 0xaf],
      [0xc0, 0xc7],
    ],
  },
};

type Cpu = NonNullable<SnpReport['cpu']>;

function processorOf({ family, model }: Cpu): ProductLine | 'venice' | null {
  const found = Object.entries(PROCESSORS).find(
    ([, processor]) =>
      processor.family === family && processor.models.some(([first, last]) => model >= first && model <= last),
  );
  return (found?.[0] as ProductLine | 'venice' | undefined) ?? null;
}

/** The product line that a report's processor belongs to; null: one whose root is not pinned here. */
export function lineOf(cpu: Cpu): ProductLine | null {
  const processor = processorOf(cpu);
  return processor === 'venice' ? null : processor;
}

/** The processor for people: `AMD Venice (family 0x1a, model 0x50)`. */
export function processorName(cpu: Cpu): string {
  const processor = processorOf(cpu);
  const name = processor === null ? 'an unknown processor' : `AMD ${titleOf(processor as Product)}`;
  return `${name} (family 0x${cpu.family.toString(16)}, model 0x${cpu.model.toString(16)})`;
}

export const productOf = (line: ProductLine): Product => (line === 'bergamo-siena' ? 'genoa' : line);

/** A part of the trusted computing base with a security version number of its own. */
export type TcbComponent = 'fmc' | 'bootloader' | 'tee' | 'snp' | 'microcode';

interface TcbByte {
  /** Null: reserved, must be zero. */
  readonly component: TcbComponent | null;
  /** Last arcs of the certificate extension 1.3.6.1.4.1.3704.1 that holds the same number. */
  readonly extension: string;
}

const part = (component: TcbComponent | null, extension: string): TcbByte => ({ component, extension });
const MILAN_AND_GENOA: readonly TcbByte[] = [
  part('bootloader', '3.1'),
  part('tee', '3.2'),
  part(null, '3.4'),
  part(null, '3.5'),
  part(null, '3.6'),
  part(null, '3.7'),
  part('snp', '3.3'),
  part('microcode', '3.8'),
];

/** The 8 bytes of TCB_VERSION in the order of the file, and where KDS certificates repeat them (57230 §3). */
export const TCB_LAYOUT: Readonly<Record<Product, readonly TcbByte[]>> = {
  milan: MILAN_AND_GENOA,
  genoa: MILAN_AND_GENOA,
  turin: [
    part('fmc', '3.9'),
    part('bootloader', '3.1'),
    part('tee', '3.2'),
    part('snp', '3.3'),
    part(null, '3.5'),
    part(null, '3.6'),
    part(null, '3.7'),
    part('microcode', '3.8'),
  ],
};

/** Security version numbers, 0 to 255, by component. */
export type Tcb = Readonly<Partial<Record<TcbComponent, number>>>;

export function readTcb(product: Product, bytes: Uint8Array): Tcb {
  const entries = TCB_LAYOUT[product].flatMap(({ component }, index) =>
    component === null ? [] : [[component, bytes[index] ?? 0] as const],
  );
  return Object.fromEntries(entries);
}

/** `bootloader 4, tee 0, snp 24, microcode 219`. */
export const tcbText = (tcb: Tcb): string =>
  Object.entries(tcb)
    .map(([component, version]) => `${component} ${version}`)
    .join(', ');

/** The chip's identity without the zeros after it: 8 bytes on Turin, 64 elsewhere. */
export const CHIP_ID_BYTES: Readonly<Record<Product, number>> = { milan: 64, genoa: 64, turin: 8 };
