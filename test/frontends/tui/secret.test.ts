import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/core/secret.ts';
import { choicesOf, type QuestionPanel } from '../../../src/frontends/tui/model/question.ts';
import { textOf } from '../../../src/frontends/tui/model/text-input.ts';
import { opened, paste, press, question, typing } from './question-bed.ts';

const GOOD = 'Correct-horse? 7 battery';
const chosen = (panel: QuestionPanel) => choicesOf(panel.asking, panel.stage)?.[panel.selected]?.value;
/** The password question at the point where one is typed. */
const atTyping = () => press(opened('adminPassword'), '2', 'enter').panel;
const secretOf = (reply: unknown) => {
  const { raw } = reply as { raw: unknown };
  expect(raw).toBeInstanceOf(Secret);
  return (raw as Secret).reveal();
};

describe("the administrator's password", () => {
  it('is generated unless somebody wants otherwise', () => {
    expect(choicesOf(opened('adminPassword').asking)?.map((c) => c.value)).toEqual([
      'generate',
      'type',
      'file',
    ]);
    expect(press(opened('adminPassword'), 'enter').reply).toEqual({ is: 'answer', raw: 'generate' });
  });

  it('is typed twice', () => {
    const again = press(atTyping(), typing(GOOD), 'enter');
    expect([again.reply, again.panel.stage, textOf(again.panel.input)]).toEqual([undefined, 'again', '']);
    expect(secretOf(press(again.panel, typing(GOOD), 'enter').reply)).toBe(GOOD);
  });

  it('that differs the second time is entered anew', () => {
    const { panel, reply } = press(atTyping(), typing(GOOD), 'enter', typing(`${GOOD}x`), 'enter');
    expect([reply, panel.stage, textOf(panel.input), panel.first]).toEqual([
      undefined,
      'type',
      '',
      undefined,
    ]);
    expect(panel.notice).toEqual({ is: 'refused', text: 'the two entries differ; enter it again' });
    expect(secretOf(press(panel, typing(GOOD), 'enter', typing(GOOD), 'enter').reply)).toBe(GOOD);
  });

  it('that was visible while it was typed need not be typed twice', () => {
    const seen = press(atTyping(), typing('Correct-horse'), 'tab');
    expect(seen.panel.revealed).toBe(true);
    const hidden = press(seen.panel, typing('? 7 battery'), 'tab');
    expect(hidden.panel.revealed).toBe(false);
    expect(secretOf(press(hidden.panel, 'enter').reply)).toBe(GOOD);
  });

  it('that was changed after it was hidden again was not seen', () => {
    const blind = press(atTyping(), 'tab', 'tab', typing(GOOD), 'enter');
    expect([blind.reply, blind.panel.stage]).toEqual([undefined, 'again']);
    const pasted = press(atTyping(), 'tab', 'tab', paste(GOOD), 'enter');
    expect([pasted.reply, pasted.panel.stage]).toEqual([undefined, 'again']);
  });

  it('says which rules are not met, and does not go on', () => {
    const { reply, panel } = press(atTyping(), typing('short'), 'enter');
    expect([reply, panel.stage, textOf(panel.input)]).toEqual([undefined, 'type', 'short']);
    expect(panel.notice?.text).toContain('12 characters or more');
    expect(panel.notice?.text).toContain('an upper-case letter');
    expect(panel.notice?.text).not.toContain('a lower-case letter');
    const known = press(atTyping(), typing('Changeme123-Changeme123'), 'enter').panel;
    expect(known.notice?.text).toContain('not the documented default');
  });

  it('its rules hold live: each one can be broken and met', () => {
    const rules = question('adminPassword').rules ?? [];
    expect(rules.length).toBeGreaterThan(5);
    for (const { rule, met } of rules) expect(met(GOOD), rule).toBe(true);
    const broken = ['', 'changeme123', `${GOOD}\n`, 'ä'.repeat(37)];
    expect(rules.filter(({ met }) => broken.every(met)).map(({ rule }) => rule)).toEqual([]);
  });

  it('a question mark is a character of it, and why is elsewhere', () => {
    const typed = press(atTyping(), '?').panel;
    expect([textOf(typed.input), typed.showWhy]).toEqual(['?', false]);
    expect(press(typed, 'f1').panel.showWhy).toBe(true);
    expect(press(opened('adminPassword'), '?').panel.showWhy).toBe(true);
  });

  it('spaces at its ends are kept', () => {
    const spaced = ` ${GOOD} `;
    expect(secretOf(press(atTyping(), typing(spaced), 'tab', 'tab', 'enter').reply)).toBe(spaced);
  });

  it('pasted with a line break at the end is the line alone; many lines never answer', () => {
    const once = press(atTyping(), paste(`${GOOD}\r\n`)).panel;
    expect([textOf(once.input), once.notice]).toEqual([GOOD, undefined]);
    expect(secretOf(press(once, 'enter', paste(`${GOOD}\n`), 'enter').reply)).toBe(GOOD);
    for (const keys of [[], [typing(GOOD), 'enter'] as const]) {
      const many = press(atTyping(), ...keys, paste('Line of 4 kB-1\n'.repeat(280)));
      expect([many.reply, many.panel.notice?.is]).toEqual([undefined, 'note']);
      expect(many.panel.stage).toBe(keys.length === 0 ? 'type' : 'again');
    }
  });

  it('never shows in what the panel says', () => {
    for (const keys of [
      [typing('canary-1')],
      [typing('canary-1'), 'enter'],
      [typing(`${GOOD}canary-1`), 'enter', typing('canary-1'), 'enter'],
      [paste('canary-1\ncanary-1')],
    ]) {
      const { panel } = press(atTyping(), ...keys);
      expect(JSON.stringify([panel.notice, panel.first])).not.toContain('canary');
    }
  });
});

describe('a secret that is kept in a file', () => {
  it('is named, not typed', () => {
    const { panel } = press(opened('adminPassword'), '3', 'enter');
    expect(panel.stage).toBe('reference');
    expect(press(panel, typing('/root/pw'), 'enter').reply).toEqual({ is: 'answer', raw: 'file:/root/pw' });
    expect(press(panel, typing('pw'), 'enter').panel.notice?.text).toContain('an absolute path');
  });

  it('cannot be generated or typed where it belongs to somebody else', () => {
    const panel = opened('databaseAdminUrl');
    expect(choicesOf(panel.asking)?.map((c) => c.value)).toEqual(['file']);
    expect(press(panel, 'enter', typing('/root/url'), 'enter').reply).toEqual({
      is: 'answer',
      raw: 'file:/root/url',
    });
  });

  it.each(['adminPassword', 'databaseAdminUrl'] as const)(
    '%s: Escape leads back to the way that was chosen, whatever was typed',
    (id) => {
      for (const { value } of choicesOf(opened(id).asking) ?? []) {
        const at = choicesOf(opened(id).asking)?.findIndex((c) => c.value === value) ?? -1;
        if (value === 'generate') continue;
        const back = press(opened(id), String(at + 1), 'enter', typing('/x'), 'escape');
        expect([back.reply, back.panel.stage, chosen(back.panel)]).toEqual([undefined, 'how', value]);
        expect(textOf(back.panel.input)).toBe('');
      }
    },
  );

  it('named before is what Enter keeps when the question comes again', () => {
    const panel = opened('adminPassword', { initial: { raw: 'file:/root/pw', source: 'prompt' } });
    expect(chosen(panel)).toBe('file');
    const named = press(panel, 'enter').panel;
    expect(textOf(named.input)).toBe('/root/pw');
    expect(press(named, 'enter').reply).toEqual({ is: 'answer', raw: 'file:/root/pw' });
  });
});
