/** Rows about files of the install that are cut off, or that have lost what they held an install to: its name, its image. */
import { truncate, writeFile } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import type { Install } from '../e2e/support.ts';
import { CONNECTIONS, DECLARED, MERGED } from './compose.ts';
import { keep, putBack } from './containers.ts';
import { OVERRIDE } from './own-file.ts';
import { fail, type Sabotage, unseen } from './types.ts';

/** A record that is cut off in its middle: what is held against it cannot be seen, and apply does not make it anew. */
const torn = (file: string, ...turns: readonly string[]): Sabotage => ({
  name: `the record ${file} is cut off`,
  break: async (i) => {
    const text = await keep(i, `.corecube-secure/${file}`);
    await truncate(i.path(`.corecube-secure/${file}`), Math.floor(text.length / 2));
  },
  drift: {},
  exit: 3,
  turns: unseen(...turns),
  undo: (i) => putBack(i, `.corecube-secure/${file}`),
});

/** A command of the engine that must succeed. */
async function run(install: Install, ...args: readonly string[]): Promise<void> {
  const { code, stderr } = await install.docker(...args);
  if (code !== 0) throw new Error(stderr);
}

export const halfWrittenRows: readonly Sabotage[] = [
  {
    name: '.env is empty',
    break: (i) => truncate(i.path('.env')),
    drift: 'edited-by-hand',
    turns: {
      ...unseen(...CONNECTIONS.filter((id) => id !== 'pg.urls-distinct'), 'release.confirmed'),
      ...unseen('running.current', 'running.limits', 'running.proxy-limits', 'proxy.container-current'),
      ...fail('pg.urls-distinct'),
    },
  },
  {
    name: 'compose.yaml is empty, as a full disk leaves it',
    break: (i) => truncate(i.path('compose.yaml')),
    drift: 'edited-not-applied',
    turns: { ...unseen(...DECLARED, ...MERGED), ...fail('compose.valid') },
  },
  {
    name: 'compose.yaml names another project',
    break: async (i) => {
      const document = parseDocument(await i.read('compose.yaml'));
      document.set('name', 'staging');
      await writeFile(i.path('compose.yaml'), document.toString({ lineWidth: 0 }));
    },
    drift: 'edited-by-hand',
    turns: fail('compose.valid'),
  },
  {
    name: 'the override file names another project',
    break: async (i) => {
      const text = await keep(i, OVERRIDE);
      await writeFile(i.path(OVERRIDE), `${text}name: staging\n`);
    },
    drift: {},
    turns: fail('install.same-files'),
    undo: (i) => putBack(i, OVERRIDE),
  },
  torn('key-check.json', 'key.belongs-to-data', 'key.exists'),
  torn('policies.json', 'pg.policies-recorded', 'pg.policies-as-migrated'),
  {
    name: 'compose.yaml has lost the digest of CoreCube, whose tag has moved and was pulled',
    break: async (i) => {
      const document = parseDocument(await i.read('compose.yaml'));
      const path = ['services', 'corecube', 'image'];
      const tag = String(document.getIn(path)).split('@')[0] as string;
      const other = tag.endsWith('v1') ? tag.replace(/v1$/, 'v2') : tag.replace(/v2$/, 'v1');
      await run(i, 'pull', '--quiet', other);
      await run(i, 'tag', other, tag);
      document.setIn(path, tag);
      await writeFile(i.path('compose.yaml'), document.toString({ lineWidth: 0 }));
    },
    // What apply writes is the digest that CoreCube runs, not the one that its tag names by now.
    drift: 'edited-not-applied',
    turns: fail('compose.images', 'images.pinned', 'running.current'),
  },
];
