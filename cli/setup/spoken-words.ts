/** Whether two readings of the same words agree; case, spacing and punctuation between words do not count. */
export const sameWords = (heard: string, wanted: string): boolean => plain(heard) === plain(wanted);

const plain = (words: string): string =>
  words
    .normalize('NFKC')
    .toLowerCase()
    .split(/[^\p{Letter}]+/u)
    .filter((word) => word !== '')
    .join(' ');
