/** Choosing a part of all controls: the real ones, so that what people type is what is tried. */
import { describe, expect, it } from 'vitest';
import { selectControls, type Wanted } from '../src/select.ts';
import { product, steps } from '../steps/index.ts';

const { sections } = product;
const all = steps.flatMap((s) => s.controls);
const select = (wanted: Partial<Wanted>) =>
  selectControls(steps, sections, { only: [], sections: [], ...wanted });
const ids = (wanted: Partial<Wanted>) => {
  const { steps: left, problems } = select(wanted);
  expect(problems).toEqual([]);
  return left.flatMap((s) => s.controls.map((c) => c.id));
};
const problem = (wanted: Partial<Wanted>) => {
  const { problems, selection, steps: left } = select(wanted);
  // Whoever does not read the problems must not take a part for it either.
  expect([selection, left]).toEqual([undefined, steps]);
  return problems;
};

describe('selecting', () => {
  it('nothing is everything, and no selection', () => {
    expect(select({})).toEqual({ steps, selection: undefined, problems: [] });
  });

  it('takes ids, lists with commas and repeated flags, each once and in the order of the steps', () => {
    const some = ['docker.installed', 'key.access', 'pg.up'];
    expect(ids({ only: ['pg.up,key.access', ' docker.installed , ,pg.up'] })).toEqual(some);
    expect(select({ only: ['pg.up,key.access'] }).selection).toEqual({
      only: ['pg.up', 'key.access'],
      sections: [],
      looked: 2,
      of: all.length,
    });
  });

  it('takes the beginning of ids with a star, ids of steps, and any case', () => {
    const tls = all.map((c) => c.id).filter((id) => id.startsWith('tls.'));
    expect([ids({ only: ['tls.*'] }), ids({ only: ['TLS.*'] })]).toEqual([tls, tls]);
    expect(ids({ only: ['*'] })).toHaveLength(all.length);
    expect(ids({ only: ['database'] })).toEqual(
      steps.find((s) => s.id === 'database')?.controls.map((c) => c.id),
    );
    expect(ids({ only: ['pg.app-*'] })).toContain('pg.app-sessions-encrypted');
    // A word without a star is a whole id.
    expect(problem({ only: ['pg.app'] })).toHaveLength(1);
  });

  it('takes sections by id and by title, as people write them', () => {
    const wanted = all.filter((c) => c.section === 'postgresql-security').map((c) => c.id);
    for (const word of [
      'postgresql-security',
      'PostgreSQL security',
      'postgresql  SECURITY',
      'PostgreSQL-Security',
    ])
      expect(ids({ sections: [word] }), word).toEqual(wanted);
    expect(select({ sections: ['TLS / HTTPS', 'tls'] }).selection?.sections).toEqual(['tls']);
    for (const [id, title] of Object.entries(sections)) {
      expect(ids({ sections: [title] })).toEqual(ids({ sections: [id] }));
      // A title with a comma could not be given on the command line.
      expect(title).not.toContain(',');
    }
  });

  it('takes exactly one severity', () => {
    const advised = all.filter((c) => c.severity === 'advised').map((c) => c.id);
    expect(ids({ severity: 'advised' })).toEqual(advised);
    expect(select({ severity: 'Advised' }).selection).toMatchObject({
      severity: 'advised',
      looked: advised.length,
    });
  });

  it('lets several flags agree', () => {
    const left = ids({ only: ['pg.*'], sections: ['network-isolation'], severity: 'required' });
    expect(left).toEqual(['pg.not-published']);
  });

  it('leaves empty steps out and keeps the rest of a step as it is', () => {
    const { steps: left } = select({ only: ['key.access'] });
    expect(left.map((s) => s.id)).toEqual(['encryption-key']);
    const whole = steps.find((s) => s.id === 'encryption-key');
    expect(left[0]).toEqual({ ...whole, controls: whole?.controls.filter((c) => c.id === 'key.access') });
    expect(whole?.controls.length).toBeGreaterThan(1);
  });
});

describe('selecting what is not there', () => {
  it.each([
    ['tls.certificat', 'did you mean tls.certificate'],
    ['databse', 'did you mean database'],
    ['tsl.*', 'did you mean tls.*'],
    ['*.certificate', 'see the command controls'],
    ['tls.**', 'did you mean tls.*'],
    ['tls', 'did you mean tls.*'],
    ['zzz', 'see the command controls'],
    ['__proto__', 'see the command controls'],
    ['constructor', 'see the command controls'],
  ])('is a problem with a suggestion: --only %s', (word, fix) => {
    expect(problem({ only: [word] })).toMatchObject([{ where: `--only ${word}`, fix }]);
  });

  it.each([
    ['tsl', 'did you mean tls'],
    ['PostgresQL securit', 'did you mean PostgreSQL security'],
    ['toString', 'see the command controls'],
  ])('is a problem with a suggestion: --section %s', (word, fix) => {
    expect(problem({ sections: [word] })).toMatchObject([{ where: `--section ${word}`, fix }]);
  });

  it('lists all problems at once', () => {
    const wheres = problem({ only: ['a.b,tls.*', 'c.d'], sections: ['e'], severity: 'high' }).map(
      (p) => p.where,
    );
    expect(wheres).toEqual(['--only a.b', '--only c.d', '--section e', '--severity high']);
  });

  it('never leaves a run with nothing to look at', () => {
    expect(problem({ only: [' , '] })).toHaveLength(1);
    expect(problem({ sections: [''] })).toHaveLength(1);
    expect(problem({ severity: '' })).toHaveLength(1);
    expect(problem({ only: ['tls.*'], sections: ['audit-log-retention'] })).toMatchObject([
      { where: '--only and --section', seen: 'no control that fits all of them' },
    ]);
  });
});
