import { z } from 'zod';
import { readPolicy, type Policy } from '../../lib/attestation/policy/policy.ts';
import { loadConfig } from '../../lib/config/config-file.ts';
import { RefusalError, type Refusal } from '../../lib/core/errors.ts';

/** An appraisal policy from a YAML file. Throws RefusalError E-POLICY-INVALID with every bad key. */
export async function readPolicyFile(path: string): Promise<Policy> {
  const loaded = await loadConfig(path, () => z.unknown());
  if (!loaded.ok) throw new RefusalError(...named(loaded.error, ''));
  const policy = readPolicy(loaded.value);
  if (!policy.ok) throw new RefusalError(...named(policy.error, `${path}: `));
  return policy.value;
}

const named = (
  [first, ...others]: readonly [Refusal, ...Refusal[]],
  prefix: string,
): readonly [Refusal, ...Refusal[]] => {
  const policyFault = ({ detail }: Refusal): Refusal => ({ code: 'E-POLICY-INVALID', detail: prefix + detail });
  return [policyFault(first), ...others.map(policyFault)];
};
