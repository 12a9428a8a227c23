/** Batches of a source with the ids that belong to them, one batch ahead of the one that is being stored. */
import type { IdSource, RowBatch, RowSource } from './read/index.js';

async function* withIds(
  source: RowSource,
  ids: IdSource | undefined,
  skip: number,
  batchRows: number,
): AsyncGenerator<RowBatch> {
  for (let left = skip; ids !== undefined && left > 0; ) {
    const part = Math.min(left, 65_536);
    await ids.take(part);
    left -= part;
  }
  for await (const batch of source.batches(skip, batchRows)) {
    yield ids === undefined ? batch : { ...batch, ids: await ids.take(batch.count) };
  }
}

/** Reads the next batch while the caller works on the one it has: reading and storing overlap, two are in memory. */
export async function* readAhead(
  source: RowSource,
  ids: IdSource | undefined,
  skip: number,
  batchRows: number,
): AsyncGenerator<RowBatch> {
  const batches = withIds(source, ids, skip, batchRows);
  let next = batches.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done === true) return;
      next = batches.next();
      // The failure is thrown by the await above, once the caller is done with the batch before it.
      next.catch(() => {});
      yield value;
    }
  } finally {
    await next.catch(() => {});
    await batches.return(undefined);
  }
}
