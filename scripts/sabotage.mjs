// `npm run sabotage [-- v1]`: a fresh install of the stand-in on a test host, then broken in one way after the other;
// prints what verify says and what apply repairs. Build first; needs root, as the tests do.
import { importTypeScript } from './import-typescript.mjs';

const release = process.argv[2] ?? 'v2';
if (release !== 'v1' && release !== 'v2') {
  console.error('usage: npm run sabotage [-- v1|v2]');
  process.exit(2);
}
const { demonstrate } = await importTypeScript('scripts/sabotage.ts');
process.exit((await demonstrate(release)) === 0 ? 0 : 1);
