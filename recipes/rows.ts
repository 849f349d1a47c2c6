/** Reading a whole dataset, for evaluations. */
import type { Dataset, Row } from "@papo/core";

export async function datasetRows(dataset: Dataset): Promise<Row[]> {
  const rows: Row[] = [];
  for (let index = 0; index < dataset.size; index++) rows.push(await dataset.row(index));
  return rows;
}
