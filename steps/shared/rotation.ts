/** How a key that others may have read is replaced, as far as CoreCube documents it; for the remedies that end with it. */
import { PATH } from './layout.ts';

/** Guide v1 names `corecube rotate-key`; the key's mount is read-only, so that the one-off container gets a writable one. */
export const ROTATE_KEY = `rotate the key. On guide v1, as root in the directory of the install, with a backup of database and key: docker compose stop corecube; docker compose run --rm --no-deps -v ./${PATH.key}:/rotate/key -e ENCRYPTION_KEY_FILE=/rotate/key corecube corecube rotate-key; truncate -s 64 ${PATH.key}; rm ${PATH.keyCheck}; then apply. Guide v2 documents no rotation: replace the stored credentials at their sources, so that what the old key opens is worth nothing`;
