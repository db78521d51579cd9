// Writes container images straight into the storage of a docker-registry (its on-disk layout, no
// engine and no running registry needed), reproducibly: the same files give the same digests.
//   pack.mjs layer STORE DIR                          prints the digest of DIR as a layer
//   pack.mjs image STORE NAME TAG CONFIG.json LAYER...  prints the digest of the image
//   pack.mjs import STORE NAME TAG SAVED_DIR          from an unpacked `docker save`; prints its digest
//   pack.mjs list STORE                               prints JSON {"name:tag": "sha256:..."}
// Layers are not compressed: they only travel over the loopback interface.
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

const BUILT = '2026-01-01T00:00:00Z';
const OCI = 'application/vnd.oci.image';
const [verb, store, ...rest] = process.argv.slice(2);
const root = join(store ?? '', 'docker/registry/v2');

const blobPath = (digest) => {
  const hex = digest.slice('sha256:'.length);
  return join(root, 'blobs/sha256', hex.slice(0, 2), hex, 'data');
};

/** Stores a stream as a blob; readers never see a half-written one. */
async function putStream(readable) {
  await mkdir(root, { recursive: true });
  const temporary = join(root, `.new-${randomBytes(6).toString('hex')}`);
  const hash = createHash('sha256');
  try {
    await pipeline(
      readable,
      async function* (chunks) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(temporary),
    );
    const digest = `sha256:${hash.digest('hex')}`;
    await mkdir(dirname(blobPath(digest)), { recursive: true });
    await rename(temporary, blobPath(digest));
    return digest;
  } finally {
    await rm(temporary, { force: true });
  }
}

const putText = (text) => putStream([Buffer.from(text)]);

async function link(repository, kind, digest) {
  const file = join(root, 'repositories', repository, kind, 'link');
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, digest);
  await rename(`${file}.new`, file);
}

async function layer(directory) {
  const tar = spawn(
    'tar',
    [
      ...['--sort=name', '--mtime=@1767225600', '--numeric-owner', '--format=pax'],
      ...['--xattrs', '--xattrs-include=security.capability'],
      ...['--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime', '-C', directory, '-c', '.'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const closed = once(tar, 'close');
  const digest = await putStream(tar.stdout);
  const [code] = await closed;
  if (code !== 0) throw new Error(`tar ended with ${code}`);
  return digest;
}

/** Writes the manifest and every link that a pull by tag or by digest follows. */
async function publish(name, tag, config, layers) {
  const size = async (digest) => (await stat(blobPath(digest))).size;
  const manifest = {
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: { mediaType: `${OCI}.config.v1+json`, digest: config, size: await size(config) },
    layers: await Promise.all(
      layers.map(async (digest) => ({ mediaType: `${OCI}.layer.v1.tar`, digest, size: await size(digest) })),
    ),
  };
  const digest = await putText(JSON.stringify(manifest));
  const hex = (d) => d.slice('sha256:'.length);
  for (const d of [config, ...layers]) await link(name, `_layers/sha256/${hex(d)}`, d);
  await link(name, `_manifests/revisions/sha256/${hex(digest)}`, digest);
  await link(name, `_manifests/tags/${tag}/index/sha256/${hex(digest)}`, digest);
  await link(name, `_manifests/tags/${tag}/current`, digest);
  return digest;
}

async function image(name, tag, configFile, layers) {
  const config = {
    architecture: 'amd64',
    os: 'linux',
    created: BUILT,
    config: JSON.parse(await readFile(configFile, 'utf8')),
    rootfs: { type: 'layers', diff_ids: layers },
    history: layers.map(() => ({ created: BUILT, created_by: 'test bed' })),
  };
  return publish(name, tag, await putText(JSON.stringify(config)), layers);
}

async function importSaved(name, tag, saved) {
  const [entry] = JSON.parse(await readFile(join(saved, 'manifest.json'), 'utf8'));
  const config = await putStream(createReadStream(join(saved, entry.Config)));
  const layers = [];
  for (const file of entry.Layers) layers.push(await putStream(createReadStream(join(saved, file))));
  const { diff_ids: expected } = JSON.parse(await readFile(blobPath(config), 'utf8')).rootfs;
  if (JSON.stringify(expected) !== JSON.stringify(layers))
    throw new Error(`${name}:${tag} was saved damaged`);
  return publish(name, tag, config, layers);
}

async function list() {
  const found = {};
  const repositories = join(root, 'repositories');
  const walk = async (name) => {
    const tags = join(repositories, name, '_manifests/tags');
    if (existsSync(tags)) {
      for (const tag of (await readdir(tags)).sort()) {
        const digest = await readFile(join(tags, tag, 'current/link'), 'utf8');
        found[`${name.replace(/^library\//, '')}:${tag}`] = digest;
      }
      return;
    }
    for (const entry of (await readdir(join(repositories, name))).sort()) await walk(join(name, entry));
  };
  if (existsSync(repositories)) for (const name of (await readdir(repositories)).sort()) await walk(name);
  return JSON.stringify(found, null, 2);
}

const verbs = {
  layer: ([directory]) => layer(directory),
  image: ([name, tag, config, ...layers]) => image(name, tag, config, layers),
  import: ([name, tag, saved]) => importSaved(name, tag, saved),
  list,
};
if (!store || !Object.hasOwn(verbs, verb))
  throw new Error(`usage: pack.mjs ${Object.keys(verbs).join('|')} STORE ...`);
console.log(await verbs[verb](rest));
