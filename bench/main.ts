import { benchAttest } from './attest.ts';
import { benchHeart } from './heart.ts';
import { benchState } from './state.ts';
import { benchTrain } from './train.ts';

const benches: Readonly<Record<string, () => Promise<void>>> = {
  attest: benchAttest,
  heart: benchHeart,
  state: benchState,
  train: benchTrain,
};

const name = process.argv[2] ?? '';
const bench = benches[name];
if (bench === undefined) {
  process.stderr.write(`usage: npm run bench -- <${Object.keys(benches).join(' | ')}>\n`);
  process.exitCode = 64;
} else {
  await bench();
}
