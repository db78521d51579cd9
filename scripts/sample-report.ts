/** What `sample-report.mjs` needs of the TypeScript sources. */
import { product } from '../steps/index.ts';

export { render } from '../src/report/formats.ts';
export const { sections } = product;
