/** Reading a whole dataset, for evaluations. */
import type { Dataset, Row } from "@papo/core";

export const datasetRows = (dataset: Dataset): Promise<Row[]> => Promise.all(Array.from({ length: dataset.size }, (_, index) => dataset.row(index)));
