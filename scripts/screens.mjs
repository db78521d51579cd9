// `npm run screens [-- NAME...]`: draws the wizard's screens into docs/screens/ from real runs in a real terminal. The
// built tool is what runs: build first. What is drawn is said in screens.ts.
import { importTypeScript } from './import-typescript.mjs';

const { drawScreens } = await importTypeScript('scripts/screens.ts');
await drawScreens(process.argv.slice(2));
