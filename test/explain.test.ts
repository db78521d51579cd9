/** The explanation of a control: complete, true to its definition, readable at 80 columns. */
import { describe, expect, it } from 'vitest';
import { UsageError } from '../src/core/errors.ts';
import type { Finding } from '../src/core/report.ts';
import { fail, unknown, type Verdict } from '../src/core/step.ts';
import { waiversStep } from '../src/exceptions/controls.ts';
import { explainControl, explainProblems } from '../src/explain.ts';
import { renderControls, renderControlsJson } from '../src/report/controls.ts';
import { renderFinding, type TextStyle } from '../src/report/text.ts';
import { selectControls } from '../src/select.ts';
import { product, steps } from '../steps/index.ts';

const all = steps.flatMap((s) => s.controls.map((c) => ({ ...c, step: s })));
const flat = (text: string) => text.replace(/\s+/g, ' ');
const definition = (id: string) => {
  const found = all.find((c) => c.id === id);
  if (!found) throw new Error(`no ${id}`);
  return found;
};
function finding(id: string, verdict: Verdict, more: Partial<Finding> = {}): Finding {
  const { title, severity, section, refs = [], threat, remedy, step } = definition(id);
  return {
    ...{ control: id, title, severity, section, refs, threat, remedy, step: step.id, verdict, duration: 1 },
    ...more,
  };
}

describe('explain', () => {
  it('says all there is of every control, within 80 columns and without trailing space', () => {
    for (const c of all) {
      const text = explainControl(c.id, product);
      for (const part of [c.id, c.title, c.severity, c.how, c.threat, c.remedy, c.impact, ...(c.refs ?? [])])
        if (part !== undefined) expect(flat(text), c.id).toContain(flat(part));
      expect(text).toContain(product.sections[c.section]);
      // A word that is longer than the line stays whole, so that it can be copied.
      for (const line of text.split('\n')) {
        expect(line.length <= 80 || !line.trim().includes(' '), line).toBe(true);
        expect(line, c.id).not.toMatch(/\s$|undefined/);
      }
      expect(text.endsWith('\n')).toBe(true);
    }
  });

  it('says who repairs it, from what the step can do', () => {
    const says = (id: string) => flat(explainControl(id, product));
    expect(says('key.access')).toContain('repair Apply: the step encryption-key shows the change first.');
    expect(says('key.not-lost')).toContain('repair A person: apply cannot repair this.');
    expect(says('keys.expire')).toContain('repair A person: the step integrations only looks.');
    expect(says('host.clock')).toContain('repair Apply where the step preflight can');
    // Never apply for what is marked as a person's, and never for a step without a plan.
    for (const c of all.filter(({ manual, step }) => manual || !step.plan))
      expect(says(c.id), c.id).toContain('repair A person');
  });

  it('says whether and how it is waived', () => {
    for (const c of all) {
      const text = flat(explainControl(c.id, product));
      expect(text.includes(`--skip ${c.id}`), c.id).toBe(!c.unwaivable);
      expect(text.includes('waiving this could lose data'), c.id).toBe(c.unwaivable === true);
    }
  });

  it('explains the controls about waivers too', () => {
    for (const c of waiversStep.controls) {
      const text = flat(explainControl(c.id, product));
      expect(text).toContain(c.how);
      expect(text).toContain('waiver None: it is about the waivers themselves.');
    }
  });

  it('is a problem with a suggestion where there is no such control', () => {
    expect(() => explainControl('key.acces', product)).toThrow(UsageError);
    expect(
      explainProblems(['key.access', 'key.acces', 'nothing.at-all', '__proto__'], product),
    ).toMatchObject([
      { where: 'explain key.acces', fix: 'did you mean key.access' },
      { where: 'explain nothing.at-all', fix: 'see the command controls' },
      { where: 'explain __proto__', fix: 'see the command controls' },
    ]);
  });
});

describe('explain, for a host', () => {
  const here = (f: Finding, more = {}) =>
    explainControl(f.control, product, { finding: f, dir: '/srv/install', ...more });
  const failing = fail('mode 0644, owner 0:0', 'mode 0600, owner 1000');

  it('adds what is seen, expected, which link broke, and what apply would do', () => {
    const text = here(
      finding('key.access', failing, {
        drift: { link: 'edited-by-hand', detail: 'secrets/encryption_key was 0600', diff: '-0600\n+0644' },
      }),
      { changes: [{ summary: 'Give the key mode 0600' }] },
    );
    expect(text).toContain('Now, in /srv/install: failing.');
    for (const line of [
      '  seen     mode 0644, owner 0:0',
      '  expected mode 0600, owner 1000',
      '  drift    edited by hand: secrets/encryption_key was 0600',
      '           -0600\n           +0644',
      '  apply    Give the key mode 0600',
    ])
      expect(text).toContain(line);
  });

  it('shows what was seen of a waived control, and who waived it until when', () => {
    const exception = {
      control: 'key.access',
      reason: 'Moved in May.',
      owner: 'Jo Doe',
      compensating: 'A guard.',
      expires: '2027-05-31',
      where: 'waivers.yaml:1:3',
    };
    const waived = { is: 'skip', because: 'waived by somebody' } as const;
    const text = here(finding('key.access', waived, { waived: failing, exception }));
    expect(flat(text)).toContain('Now, in /srv/install: failing, and waived. seen mode 0644');
    expect(flat(text)).toContain(
      'waived by Jo Doe until 2027-05-31 (UTC), waivers.yaml:1:3 reason Moved in May. instead A guard.',
    );
    const byName = here(
      finding('key.access', { ...waived, because: 'waived with --skip' }, { waived: failing }),
    );
    expect(flat(byName)).toContain('waiver waived with --skip');
  });

  it('does not call what was not seen anything else', () => {
    const text = here(finding('key.access', unknown('no answer')));
    expect(text).toContain('not seen.\n\n  why      no answer\n');
    expect(text).not.toContain('  expected');
  });
});

describe('a waiver in the report on a terminal', () => {
  const style: TextStyle = { colour: false, unicode: false, width: 80, verbose: false, planning: false };
  const exception = {
    control: 'key.access',
    reason: 'Moved in May',
    owner: 'Jo Doe',
    compensating: 'A guard',
    expires: '2027-05-31',
    where: 'waivers.yaml:1:3',
  };

  it('has its owner, end, reason and what protects instead, beside what was seen', () => {
    const waived = fail('mode 0644', 'mode 0600');
    const lines = renderFinding(
      finding('key.access', { is: 'skip', because: 'waived' }, { waived, exception }),
      style,
    );
    expect(lines.slice(1)).toEqual([
      '      seen      mode 0644',
      '      expected  mode 0600',
      '      waived    by Jo Doe until 2027-05-31 (UTC), waivers.yaml:1:3',
      '      reason    Moved in May',
      '      instead   A guard',
    ]);
    expect(lines[0]).toContain('WAIVED');
  });

  it('shows one of an unseen control as not seen', () => {
    const lines = renderFinding(
      finding('key.access', { is: 'skip', because: 'waived' }, { waived: unknown('dark'), exception }),
      style,
    );
    expect(lines[1]).toBe('      why       dark');
    expect(lines.join('\n')).not.toContain('expected');
  });
});

describe('the list of controls', () => {
  it('as JSON holds every field of every control, and nothing more', () => {
    const text = renderControlsJson([...steps, waiversStep], product.sections);
    const { schema, sections, controls } = JSON.parse(text);
    expect([schema, sections]).toEqual([1, product.sections]);
    expect(controls).toHaveLength(all.length + waiversStep.controls.length);
    for (const [i, c] of all.entries()) {
      const { id, title, severity, section, refs = [], how, threat, remedy, impact } = c;
      const given = { id, title, severity, section, refs, how, threat, remedy, impact };
      const flags = { step: c.step.id, manual: c.manual === true, unwaivable: c.unwaivable === true };
      expect(controls[i]).toEqual({ ...given, ...flags });
    }
  });

  it('can be limited like a verify', () => {
    const { steps: left } = selectControls([...steps, waiversStep], product.sections, {
      only: ['tls.*', 'waivers.*'],
      sections: [],
    });
    const text = renderControls(left, product.sections);
    expect(text.match(/^ {2}\S+\.\S+/gm)?.map((id) => id.trim())).toEqual([
      ...all.map((c) => c.id).filter((id) => /^(tls|waivers)\./.test(id)),
      ...waiversStep.controls.map((c) => c.id),
    ]);
  });
});
