import { describe, expect, it } from 'vitest';
import type { Asking, Reply } from '../../src/core/frontend.ts';
import { type Given, interview } from '../../src/core/interview.ts';
import { question } from '../../src/core/question.ts';
import { Secret } from '../../src/core/secret.ts';
import { onQuestionKey, openQuestion } from '../../src/frontends/tui/model/question.ts';
import { blindHost } from '../fakes/blind-host.ts';

const questions = {
  password: question({
    title: 'Which password?',
    help: 'It is asked first.',
    section: 'operation',
    kind: 'secret',
    ask: 'start',
    example: 'generate',
    default: 'generate',
    parse: (raw) => String(raw),
    parseSecret: (secret) => secret,
  }),
  name: question({
    title: 'Which name?',
    help: 'It is asked second.',
    section: 'operation',
    kind: 'text',
    example: 'toy',
    parse: (raw) => String(raw),
  }),
};

describe('a secret that was entered', () => {
  it('is kept when the operator goes back past its question', async () => {
    const secret = new Secret('a-secret-canary-of-the-interview');
    const asked: Asking[] = [];
    const replies: Reply[] = [
      { is: 'answer', raw: secret },
      { is: 'back' },
      { is: 'keep' },
      { is: 'answer', raw: 'bear' },
    ];
    const given: Given = new Map();
    const controller = new AbortController();
    await interview(
      {
        steps: [{ id: 's', title: 's', why: 'w', needs: ['password', 'name'], controls: [] }],
        questions,
        known: new Map(),
        reader: blindHost().snapshot(controller.signal),
        frontend: {
          interactive: true,
          ask: async (asking) => {
            asked.push(asking);
            return replies.shift() ?? { is: 'cancel' };
          },
          decide: async () => ({ is: 'stop' }),
          emit: () => {},
        },
      },
      given,
    );
    expect(asked.map((a) => [a.id, a.hasEntered === true])).toEqual([
      ['password', false],
      ['name', false],
      ['password', true],
      ['name', false],
    ]);
    expect(given.get('password')?.value).toBe(secret);
    // On the screen it is what Enter takes.
    const again = openQuestion(asked[2] as Asking);
    expect(onQuestionKey(again, { name: 'enter', text: '' }).reply).toEqual({ is: 'keep' });
    const first = openQuestion(asked[0] as Asking);
    expect(onQuestionKey(first, { name: 'enter', text: '' }).reply).toEqual({
      is: 'answer',
      raw: 'generate',
    });
  });
});
