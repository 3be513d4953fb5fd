/**
 * The receipt of a table in which nothing was due, as canonical JSON orders its members: nothing was done, nothing stood
 * in the way, and the run came to its end (src/privacy/purge-receipt.ts).
 */
export const IDLE_RECEIPT =
  '{"anonymised":0,%"blocked":0,%"deleted":0,%"errors":[],%"finished":true,%"partitions":[],%';
