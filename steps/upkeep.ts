// Looks at what keeps a deployment safe after the day it was made: pins, backups, and what CoreCube does not bring.
// Changes nothing, ever; what only a person knows stays open until a person has answered.

import { attest, type Control, fail, pass, skip, unknown } from '../src/core/step.ts';
import { type Answers, defineStep } from './questions.ts';
import { containerOf } from './shared/docker.ts';
import { heldImages, short } from './shared/held-images.ts';
import { PATH } from './shared/layout.ts';
import { besideTheData, deniesEncryption, isOpen } from './upkeep/attested.ts';
import { installFileControls } from './upkeep/install-files.ts';
import { waiverAccess } from './upkeep/waiver-access.ts';

const NEEDS = ['projectName', 'keyBackup', 'dumpEncryption', 'adminRanges'] as const;
type Needed = Pick<Answers, (typeof NEEDS)[number]>;

const pinned: Control<Needed> = {
  id: 'images.pinned',
  title: 'Every service is pinned to one image and runs exactly that',
  severity: 'required',
  section: 'dependency-updates',
  refs: ['CIS Docker 4.2', 'CIS Docker 5.28'],
  how: 'Compares the digest or recorded id of each service in the merged Compose model with the image id that its container runs.',
  threat:
    'A tag moves: the next restart runs a program that nobody has chosen, or that somebody else has put there.',
  remedy: `Run this again: it writes the digest into ${PATH.compose}. A tag that has moved is a decision: tag the recorded image back (docker tag ID NAME), or answer with the new one by another tag or digest. An image without a digest in ${PATH.override} gets one from you.`,
  impact: 'A container whose image differs is replaced.',
  async inspect({ host, answers }) {
    const all = await heldImages(host, answers.projectName);
    if (all === undefined) return fail(`there is no ${PATH.compose}`, 'images pinned by digest');
    const wrong = all.flatMap((held) => held.loose ?? []);
    const unseen: string[] = [];
    for (const { service, reference, id, loose } of all) {
      if (loose !== undefined) continue;
      const container = await containerOf(host, answers.projectName, service);
      if (container === undefined) unseen.push(`${service} has no container`);
      else if (id === undefined)
        wrong.push(
          `the image of ${service}, ${reference}, is not on this host, and the container runs ${short(container.Image)}`,
        );
      else if (container.Image !== id)
        wrong.push(`${service} runs ${short(container.Image)}, its pin is ${short(id)}`);
    }
    if (wrong.length > 0)
      return fail(
        [...wrong, ...unseen].join('; '),
        'a digest for every service, and containers of exactly that image',
      );
    if (unseen.length > 0) return unknown(unseen.join('; '));
    return pass(
      all
        .map(
          ({ service, reference, id = '' }) =>
            `${service}: ${reference.includes('@') ? reference : `${reference} (loaded by hand, ${short(id)})`}`,
        )
        .join(', '),
    );
  },
};

const updateKnown: Control<Needed> = {
  id: 'images.update-known',
  title: 'How images are updated is known',
  severity: 'advised',
  section: 'dependency-updates',
  refs: ['CIS Docker 5.28'],
  how: 'Reads the pins in the merged Compose model and shows them; whether newer images exist is not looked up.',
  threat: 'A pinned image never gets a security fix by itself.',
  remedy:
    'Watch the release notes of CoreCube, PostgreSQL and Caddy. To update, answer with the new tag or digest (--image, --postgres-image, --proxy-image, --inference-image) and run this again: the image is pulled, pinned, started and proved. Back up the database first.',
  impact: 'The service is restarted; a new CoreCube may migrate the database, and no way back is documented.',
  async inspect({ host, answers }) {
    const all = await heldImages(host, answers.projectName);
    if (all === undefined) return unknown(`there is no ${PATH.compose} yet`);
    return pass(
      `images move only when their answer names a new tag or digest; now: ${all.map((held) => held.reference.replace(/@sha256:(.{12}).*/, '@$1')).join(', ')}`,
    );
  },
};

const KEY_BACKUP_QUESTION = `Is there a copy of ${PATH.key}, off this host and apart from the data? Attest it with --key-backup 'WHO MADE IT, WHEN, WHERE IT IS'.`;

const keyBackup: Control<Needed> = {
  id: 'key.backup-apart',
  title: 'A copy of the encryption key is kept apart from the data',
  severity: 'required',
  section: 'encryption-key-management',
  how: 'Reads the answer keyBackup: only a person can attest this, what its own words deny does not count, and the copy itself is not looked at.',
  threat:
    'When the key is lost every stored credential is unreadable for good; a copy beside the data is lost and stolen with it.',
  remedy: `Copy ${PATH.key} to a safe place that is not on this host and not with the database dumps, then answer keyBackup: who, when, where.`,
  impact: 'None.',
  async inspect({ host, answers: { projectName, keyBackup: answer, dumpEncryption } }) {
    if (!answer || isOpen(answer)) return attest(KEY_BACKUP_QUESTION);
    const beside = await besideTheData(host, projectName, answer);
    if (beside !== undefined)
      return fail(`the answer names ${beside}`, 'a place that is not lost or stolen together with the data');
    if (answer === dumpEncryption)
      return attest(`The same words answer dumpEncryption. ${KEY_BACKUP_QUESTION}`);
    return pass(`attested: ${answer}`);
  },
};

const dumps: Control<Needed> = {
  id: 'dumps.encrypted-medium',
  title: 'Database dumps are stored on encrypted media',
  severity: 'required',
  section: 'what-v1-does-not-include',
  how: 'Reads the answer dumpEncryption: only a person can attest this, what its own words deny does not count, and the medium itself is not looked at.',
  threat: 'CoreCube does not encrypt backups: whoever finds a dump reads every document.',
  remedy:
    'Store pg_dump files on an encrypted medium (LUKS, an encrypted bucket, age or gpg), then answer dumpEncryption: which, who, when.',
  impact: 'The key of that medium needs a safe place too.',
  async inspect({ answers: { dumpEncryption: answer } }) {
    if (!answer || isOpen(answer))
      return attest(
        "Are database dumps stored on encrypted media? Attest it with --dump-encryption 'WHICH MEDIUM, WHO SAYS SO, WHEN'.",
      );
    return deniesEncryption(answer)
      ? fail(`the answer says: ${answer}`, 'a medium that is encrypted')
      : pass(`attested: ${answer}`);
  },
};

const notIncluded: Control<Needed> = {
  id: 'v1.not-included',
  title: 'What CoreCube v1 does not include is known',
  severity: 'advised',
  section: 'what-v1-does-not-include',
  how: 'Looks at nothing; it states what CoreCube does not include and what this install makes up for.',
  threat: 'A protection that is believed to be there and is not leaves its risk uncovered.',
  remedy: 'Cover what is missing outside of CoreCube, or accept it in writing.',
  impact: 'None.',
  async inspect({ answers }) {
    return skip(
      `nothing to look at: CoreCube v1 has no backup encryption, no IP allow-lists, no multi-factor authentication, no HSM key storage and no cryptographic chaining of the audit log. This install makes up for the second at the proxy (the console answers ${answers.adminRanges.join(', ')} only) and asks about the first (dumps.encrypted-medium); the other three are not covered.`,
    );
  },
};

export const upkeep = defineStep({
  id: 'upkeep',
  title: 'Upkeep',
  why: 'A deployment stays safe when its images move only on purpose, its key and its dumps are kept well, and what CoreCube does not bring is known.',
  needs: NEEDS,
  controls: [pinned, updateKnown, keyBackup, dumps, ...installFileControls, waiverAccess, notIncluded],
});
