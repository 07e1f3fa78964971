import { toHex } from '../../core/bytes.ts';
import { Malformed } from '../formats/malformed.ts';
import type { JsonObject } from './intel-json.ts';
import { statusOf, type MatchedLevel } from './tcb-status.ts';

const COMPONENTS = 16;
const MAX_LEVELS = 256;
const MAX_ADVISORIES = 256;

export interface TcbLevel extends MatchedLevel {
  /** 16 numbers each. */
  readonly sgxComponents: readonly number[];
  readonly tdxComponents: readonly number[] | null;
  readonly pceSvn: number;
}

/** A level that one security version decides: of a TDX module or a quoting enclave. */
export interface SvnLevel extends MatchedLevel {
  readonly isvSvn: number;
}

export interface ModuleMeasurement {
  /** 48 bytes, lower-case hexadecimal. */
  readonly mrSigner: string;
  /** 8 bytes each. */
  readonly attributes: Uint8Array;
  readonly attributesMask: Uint8Array;
}

export interface ModuleIdentity extends ModuleMeasurement {
  /** `TDX_01`, upper case. */
  readonly id: string;
  readonly levels: readonly SvnLevel[];
}

/** What all of Intel's signed answers say about themselves. */
export interface AnswerDates {
  /** Milliseconds since 1970, both included. */
  readonly issueDate: number;
  readonly nextUpdate: number;
  readonly evaluationDataNumber: number;
}

/** TCB info of one kind of platform (Intel PCS API v4, TcbInfo version 3). */
export interface TcbInfo extends AnswerDates {
  readonly tee: 'sgx' | 'tdx';
  /** 6 and 2 bytes, lower-case hexadecimal. */
  readonly fmspc: string;
  readonly pceId: string;
  readonly tdxModule: ModuleMeasurement | null;
  readonly moduleIdentities: readonly ModuleIdentity[];
  /** In Intel's order: newest first. */
  readonly levels: readonly TcbLevel[];
}

/** Throws Malformed. */
export function readTcbInfo(info: JsonObject): TcbInfo {
  const version = info.number('version', 0xff);
  // Version 2 names no advisories: with it an open one would go unnoticed.
  if (version !== 3) throw new Malformed(`TCB info of version ${version}, not 3 (PCS API v4)`);
  const id = info.text('id');
  if (id !== 'SGX' && id !== 'TDX') throw new Malformed('TCB info is neither for SGX nor for TDX');
  if (info.number('tcbType', 0xff) !== 0) throw new Malformed('TCB type is not 0');
  const tdx = id === 'TDX';
  return {
    tee: tdx ? 'tdx' : 'sgx',
    ...readDates(info),
    fmspc: toHex(info.bytes('fmspc', 6)),
    pceId: toHex(info.bytes('pceId', 2)),
    tdxModule: tdx && info.has('tdxModule') ? measurement(info.object('tdxModule')) : null,
    moduleIdentities:
      tdx && info.has('tdxModuleIdentities')
        ? info.objects('tdxModuleIdentities', MAX_LEVELS).map((identity) => ({
            ...measurement(identity),
            id: identity.text('id').toUpperCase(),
            levels: readSvnLevels(identity),
          }))
        : [],
    levels: info.objects('tcbLevels', MAX_LEVELS).map((level): TcbLevel => {
      const tcb = level.object('tcb');
      return {
        ...readStatus(level),
        sgxComponents: components(tcb, 'sgxtcbcomponents'),
        tdxComponents: tdx ? components(tcb, 'tdxtcbcomponents') : null,
        pceSvn: tcb.number('pcesvn', 0xffff),
      };
    }),
  };
}

export const readDates = (answer: JsonObject): AnswerDates => ({
  issueDate: answer.time('issueDate'),
  nextUpdate: answer.time('nextUpdate'),
  evaluationDataNumber: answer.number('tcbEvaluationDataNumber', 0xffff_ffff),
});

export const readSvnLevels = (parent: JsonObject): SvnLevel[] =>
  parent.objects('tcbLevels', MAX_LEVELS).map((level) => ({
    ...readStatus(level),
    isvSvn: level.object('tcb').number('isvsvn', 0xffff),
  }));

const readStatus = (level: JsonObject): MatchedLevel => ({
  status: statusOf(level.text('tcbStatus')),
  tcbDate: level.time('tcbDate'),
  advisoryIds: level.texts('advisoryIDs', MAX_ADVISORIES),
});

const measurement = (module: JsonObject): ModuleMeasurement => ({
  mrSigner: toHex(module.bytes('mrsigner', 48)),
  attributes: module.bytes('attributes', 8),
  attributesMask: module.bytes('attributesMask', 8),
});

/** Fewer than 16 would compare fewer components, and that once let old platforms pass (automata-dcap bdf315d). */
const components = (tcb: JsonObject, name: string): number[] =>
  tcb.objects(name, COMPONENTS, true).map((component) => component.number('svn', 0xff));
