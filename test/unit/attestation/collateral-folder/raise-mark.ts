import { updateFolder } from '../../../../lib/attestation/collateral-folder/collateral-folder.ts';

/** Raises the newest signed time by one, again and again, and says each value once it is stored. */
const [folder = '', times = '1'] = process.argv.slice(2);
for (let done = 0; done < Number(times); done++) {
  const stored = updateFolder(folder, (state) => {
    const newestSignedMs = state.marks.newestSignedMs + 1;
    return { state: { ...state, marks: { ...state.marks, newestSignedMs } }, result: newestSignedMs };
  });
  process.stdout.write(`${stored}\n`);
}
