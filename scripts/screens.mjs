// `npm run screens`: draws the wizard's screens into docs/screens/ from a real run in a real terminal. The built tool
// is what runs: build first. What is drawn is said in screens.ts.
import { importTypeScript } from './import-typescript.mjs';

const { drawScreens } = await importTypeScript('scripts/screens.ts');
await drawScreens();
