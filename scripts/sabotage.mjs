// `npm run sabotage [-- v1|v2 [TEXT [HOST]]]`: a fresh install of the stand-in on a test host, then broken in one way after
// the other (with TEXT, a regular expression: the rows whose name matches); prints what verify says and how it is put right. Build first;
// needs root, as the tests do.
import { importTypeScript } from './import-typescript.mjs';

const [release = 'v2', filter, host] = process.argv.slice(2);
if (release !== 'v1' && release !== 'v2') {
  console.error('usage: npm run sabotage [-- v1|v2 [TEXT [HOST]]]');
  process.exit(2);
}
const { demonstrate } = await importTypeScript('scripts/sabotage.ts');
process.exit((await demonstrate({ release, filter, host })) === 0 ? 0 : 1);
