import { describe, expect, it } from 'vitest';
import { choicesOf, problemOf } from '../../../src/frontends/tui/model/question.ts';
import { textOf } from '../../../src/frontends/tui/model/text-input.ts';
import { type QuestionId, questions } from '../../../steps/questions.ts';
import { answer, asking, opened, paste, press, question, typing } from './question-bed.ts';

const ids = Object.keys(questions) as QuestionId[];
const of = (...kinds: string[]) => ids.filter((id) => kinds.includes(question(id).kind));
const LINES = `${'10.0.0.0/8 pasted line\r\n'.repeat(180)}\n`;

describe('a question', () => {
  it.each(ids.filter((id) => question(id).default !== undefined))(
    '%s: Enter takes what is filled in',
    (id) => {
      const { reply } = press(opened(id), 'enter');
      expect(reply).toEqual({ is: 'answer', raw: question(id).default });
      expect(() => question(id).parse((reply as { raw: string }).raw)).not.toThrow();
    },
  );

  it.each(ids.filter((id) => question(id).default === undefined && question(id).kind !== 'secret'))(
    '%s: Enter on nothing is taken only where an answer may be left out',
    (id) => {
      const { reply, panel } = press(opened(id), 'enter');
      if (question(id).optional) expect(reply).toEqual({ is: 'answer' });
      else {
        const text = expect.stringMatching(/an answer is needed here|at least one range/);
        expect([reply, panel.notice]).toEqual([undefined, { text, is: 'refused' }]);
      }
    },
  );

  it.each(of('text', 'file', 'list'))('%s: its own example is taken as it is typed', (id) => {
    const { example } = question(id);
    const text = typeof example === 'string' ? example : example.join(', ');
    expect(answer(id, text).reply).toEqual({ is: 'answer', raw: example });
  });

  it.each<[QuestionId, string, RegExp]>([
    ['domain', 'corecube.example.com', /example domains are reserved for documentation.*a name you own/],
    ['domain', '192.0.2.7', /use a name, not an address/],
    ['domain', 'https://corecube.org/x', /leave out https:\/\//],
    ['adminRanges', '10.0.0.0/33', /10\.0\.0\.0\/33.*the prefix of an IPv4 range ends at 32/],
    ['adminRanges', '10.0.0.0/8, 192.168.1.7/24', /did you mean 192\.168\.1\.0\/24/],
    ['adminRanges', '0.0.0.0/0', /networks that administrators really use/],
    ['adminEmail', 'admin@example.com', /documented default/],
    ['httpsPort', '70000', /from 1 to 65535/],
    ['image', 'corecube/corecube:latest', /latest moves/],
    ['tlsKey', 'privkey.pem', /write it from \//],
  ])('%s refuses %s in words that help, and keeps it to be corrected', (id, text, words) => {
    const { reply, panel } = answer(id, text);
    expect(reply).toBeUndefined();
    expect(panel.notice).toEqual({ is: 'refused', text: expect.stringMatching(words) });
    expect(textOf(panel.input)).toBe(text);
    expect(press(panel, 'x').panel.notice).toBeUndefined();
  });

  it('speaks up while it is typed, and is silent once it is right', () => {
    const { panel } = press(opened('adminRanges'), typing('10.0.0.0/33'));
    expect([panel.touched, problemOf(panel)]).toEqual([true, expect.stringContaining('ends at 32')]);
    expect(problemOf(press(panel, 'backspace', 'backspace', '8').panel)).toBeUndefined();
    expect(opened('adminRanges').touched).toBe(false);
  });

  it('opens with an earlier answer, and with why a try was refused', () => {
    const panel = opened('adminRanges', {
      initial: { raw: ['10.0.0.0/8', '192.0.2.7/32'], source: 'prompt' },
      problem: 'too wide',
    });
    expect([textOf(panel.input), panel.notice]).toEqual([
      '10.0.0.0/8, 192.0.2.7/32',
      { text: 'too wide', is: 'refused' },
    ]);
    expect(press(panel, 'enter').reply).toEqual({ is: 'answer', raw: ['10.0.0.0/8', '192.0.2.7/32'] });
  });

  it('going back and saving are replies; back is no key where there is nothing to go back to', () => {
    expect(press(opened('domain'), typing('half'), 'escape').reply).toEqual({ is: 'back' });
    expect(press(opened('domain'), typing('half'), 'ctrl+s').reply).toEqual({ is: 'save' });
    const first = press(opened('domain', { canGoBack: false }), typing('half'), 'escape');
    expect([first.reply, textOf(first.panel.input)]).toEqual([undefined, 'half']);
  });

  it('why is shown and hidden by the same key, and is no text', () => {
    const shown = press(opened('domain'), 'a', '?').panel;
    expect([shown.showWhy, textOf(shown.input)]).toEqual([true, 'a']);
    expect(press(shown, 'f1').panel.showWhy).toBe(false);
  });

  it('keys that write nothing do nothing', () => {
    for (const id of ids) {
      const panel = opened(id);
      for (const name of ['insert', 'f7', 'alt+x', 'ctrl+y', 'undefined', 'ctrl+undefined'])
        expect(press(panel, name).panel, `${id} ${name}`).toMatchObject({
          input: panel.input,
          selected: panel.selected,
          showWhy: false,
        });
    }
  });
});

describe('suggestions', () => {
  const ranges = {
    suggestions: [
      { value: ['198.51.100.7/32'], because: 'you are connected from 198.51.100.7' },
      { value: ['10.1.0.0/16'], because: "the network of this host's eth0" },
    ],
  };

  it('are added to a list, once each, and never replace what stands there', () => {
    const start = opened('adminRanges', { ...ranges, initial: { raw: ['10.0.0.0/8'], source: 'prompt' } });
    const once = press(start, 'down', 'tab').panel;
    expect(textOf(once.input)).toBe('10.0.0.0/8, 198.51.100.7/32');
    const both = press(once, 'down', 'tab', 'tab').panel;
    expect(textOf(both.input)).toBe('10.0.0.0/8, 198.51.100.7/32, 10.1.0.0/16');
    expect(press(both, 'enter').reply).toEqual({
      is: 'answer',
      raw: ['10.0.0.0/8', '198.51.100.7/32', '10.1.0.0/16'],
    });
  });

  it('fill a text in', () => {
    const suggestions = [{ value: 'corecube.intern.org', because: 'this host calls itself so' }];
    expect(textOf(press(opened('domain', { suggestions }), typing('x'), 'tab').panel.input)).toBe(
      'corecube.intern.org',
    );
  });

  it('a highlighted one is filled in by Enter on nothing, and taken by the next', () => {
    const filled = press(opened('adminRanges', ranges), 'up', 'enter');
    expect([filled.reply, textOf(filled.panel.input)]).toEqual([undefined, '10.1.0.0/16']);
    expect(press(filled.panel, 'enter').reply).toEqual({ is: 'answer', raw: ['10.1.0.0/16'] });
  });

  it('the arrows go round', () => {
    const selected = (...keys: string[]) => press(opened('adminRanges', ranges), ...keys).panel.selected;
    expect([selected('down'), selected('down', 'down'), selected('down', 'down', 'down')]).toEqual([0, 1, 0]);
    expect([selected('up'), selected('up', 'up', 'up')]).toEqual([1, 1]);
  });
});

describe('a choice', () => {
  it.each(of('choice'))('%s: by digits and by arrows, round and round', (id) => {
    const { choices = [] } = question(id);
    for (const [i, raw] of choices.entries()) {
      expect(press(opened(id), String(i + 1), 'enter').reply).toEqual({ is: 'answer', raw });
      const from = opened(id).selected;
      const steps = Array.from({ length: (i - from + choices.length) % choices.length }, () => 'down');
      expect(press(opened(id), ...steps, 'enter').reply).toEqual({ is: 'answer', raw });
    }
    const last = press(opened(id), '1', 'up').panel;
    expect(choicesOf(last.asking)?.[last.selected]?.value).toBe(choices.at(-1));
    for (const other of ['0', '9', ' ', 'x', '-']) expect(press(opened(id), other).panel).toEqual(opened(id));
  });

  it('opens on what this host suggests', () => {
    const initial = { raw: 'internal', source: 'this host' } as const;
    expect(press(opened('tls', { initial }), 'enter').reply).toEqual({ is: 'answer', raw: 'internal' });
  });
});

describe('a paste of 4 kB with line breaks', () => {
  it.each(ids)('%s: never answers', (id) => {
    const { reply, panel } = press(opened(id), paste(LINES));
    expect(reply).toBeUndefined();
    expect(textOf(panel.input)).not.toMatch(/\p{Cc}/u);
  });

  it('is one item per line in a list, and one line in a text, and says so', () => {
    const list = press(opened('adminRanges'), paste('10.0.0.0/8\r\n192.168.0.0/16\r\n')).panel;
    expect(textOf(list.input)).toBe('10.0.0.0/8, 192.168.0.0/16');
    expect(list.notice).toEqual({ is: 'note', text: expect.stringContaining('2 lines were pasted') });
    expect(press(list, 'enter').reply).toEqual({ is: 'answer', raw: ['10.0.0.0/8', '192.168.0.0/16'] });
    expect(textOf(press(opened('keyBackup'), paste('safe\noffice 2\n')).panel.input)).toBe('safe office 2');
  });

  it('goes where the cursor is', () => {
    const { panel } = press(opened('domain'), typing('a.org'), 'home', paste('b.'));
    expect(textOf(panel.input)).toBe('b.a.org');
  });
});

it('every question of the product can be opened and says what is asked', () => {
  for (const id of ids) expect(opened(id).asking.question).toBe(asking(id).question);
});
