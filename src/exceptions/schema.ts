/** The file of waivers for editors and for people who begin one. */
import { CONTROL_ID, FIELDS, MAX_DAYS, MAX_TEXT, MEANING } from './file.ts';

/**
 * JSON Schema (draft 2020-12) of the file of waivers. Stricter than the reader in one thing: an editor is told at once
 * about a control that does not exist or cannot be waived, where a run makes a finding of it.
 */
export function waiversSchema(
  title: string,
  controls: readonly { readonly id: string; readonly title: string; readonly unwaivable?: true }[],
): object {
  const text = { type: 'string', minLength: 1, maxLength: MAX_TEXT, pattern: '\\p{L}' };
  const forms: Record<(typeof FIELDS)[number], object> = {
    control: {
      type: 'string',
      pattern: CONTROL_ID,
      oneOf: controls.filter((c) => !c.unwaivable).map((c) => ({ const: c.id, description: c.title })),
    },
    reason: text,
    owner: text,
    compensating: text,
    expires: { type: 'string', format: 'date', pattern: '^\\d{4}-\\d{2}-\\d{2}$' },
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title,
    type: ['array', 'null'],
    items: {
      type: 'object',
      additionalProperties: false,
      required: FIELDS,
      properties: Object.fromEntries(
        FIELDS.map((field) => [field, { description: MEANING[field], ...forms[field] }]),
      ),
    },
  };
}

/** A commented file with one entry to be filled in; as it is, it holds no waiver. */
export function exampleWaivers(schemaFile: string): string {
  return `# yaml-language-server: $schema=${schemaFile}
# Waivers: risks that somebody takes for a while, one entry for each control. Every key is needed.
# A waived control does not fail a run, and apply leaves it as it is; every report shows who waived it, why, and until
# when. A waiver holds through its last day (UTC), which is at most ${MAX_DAYS} days ahead. One that has expired, that is
# not needed any more, or whose control does not exist, is itself a finding.
#
# - control: host.filesystem-local
#   reason: The directory is on the NFS share of the cluster until the move to local disks.
#   owner: Jo Doe, platform team
#   compensating: The share is exported to this host only, over a network of its own, with root squashing off.
#   expires: 2027-03-31
`;
}
