import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import { renderSystemPrompt, variablesOf } from './system-prompt.js';

const render = (
  systemPrompt: string,
  metadata?: Record<string, string>,
  variables: Record<string, string> = {},
): string => renderSystemPrompt({ systemPrompt, variables }, metadata);

/** What rendering was refused with. */
function refusalOf(systemPrompt: string, metadata: Record<string, string>): unknown {
  try {
    return render(systemPrompt, metadata);
  } catch (error) {
    return error;
  }
}

describe('renderSystemPrompt', () => {
  it('fills a variable from metadata, else with the chatbot’s own value', () => {
    expect(render('Hi {{name}} of {{ city }}.', { name: 'Ada' }, { name: 'you', city: 'Ulm' })).toBe(
      'Hi Ada of Ulm.',
    );
    expect(render('[{{a}}]', { a: '' }, { a: 'own' })).toBe('[]');
    expect(render('no variables', undefined)).toBe('no variables');
  });

  it.each([
    ['{{name}}', 'a{{name}}b', 'a{{name}}b'],
    ['$&', 'x {{name}} y', 'x $& y'],
    ["$1 $` $' $$", '{{name}}', "$1 $` $' $$"],
    ['{{', '{{name}}name}}', '{{name}}'],
  ])('a value %j is text: it is neither expanded again nor a pattern', (value, template, rendered) => {
    const own = { other: 'SECRET' };
    expect(render(template, { name: value }, own)).toBe(rendered);
  });

  it.each([
    ['{name}'],
    ['{ {name} }'],
    ['{{}}'],
    ['{{ }}'],
    ['{{1st}}'],
    ['{{a-b}}'],
    ['{{a b}}'],
    ['{{a.b}}'],
    ['{{#if x}}'],
    ['{{{'],
    ['}}{{'],
    ['{{name'],
    [`{{${'a'.repeat(65)}}}`],
    ['{{\nname\n}}'],
  ])('leaves %j as it is', (template) => {
    expect(render(template)).toBe(template);
    expect(variablesOf(template)).toEqual([]);
  });

  it('refuses a variable without a value, by its name', () => {
    const refusal = refusalOf('{{known}} {{order_id}}', { known: 'x', orderId: 'y' });
    expect(refusal).toBeInstanceOf(ValidationFailedError);
    expect(refusal).toMatchObject({
      code: 'validation_failed',
      param: 'metadata',
      issues: [
        { message: "Missing variable 'order_id': this chatbot needs 'metadata.order_id' as a string." },
      ],
    });
  });

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])(
    'takes %s for a variable like any other: absent unless somebody set it',
    (name) => {
      expect(() => render(`{{${name}}}`)).toThrow(ValidationFailedError);
      const set = JSON.parse(`{"${name}":"mine"}`) as Record<string, string>;
      expect(render(`{{${name}}}`, set)).toBe('mine');
      expect(render(`{{${name}}}`, {}, set)).toBe('mine');
    },
  );

  it('joins any texts and values as they are', () => {
    const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,10}$/);
    const plain = fc.string().map((text) => text.replaceAll('{', ''));
    const pieces = fc.array(fc.tuple(plain, name), { maxLength: 8 });
    fc.assert(
      fc.property(pieces, plain, fc.func(fc.string()), (template, end, valueOf) => {
        const metadata = Object.fromEntries(template.map(([, variable]) => [variable, valueOf(variable)]));
        const text = template.map(([before, variable]) => `${before}{{${variable}}}`).join('') + end;
        const expected = template.map(([before, variable]) => before + valueOf(variable)).join('') + end;
        expect(render(text, metadata)).toBe(expected);
      }),
    );
  });

  it('reads any text of braces, blanks and letters in time linear to its length', () => {
    for (const piece of ['{', '{{', '{{ ', '{{ a', '{{a ', '{{a}', '}', '{{\t']) {
      const template = piece.repeat(200_000);
      expect(render(template)).toBe(template);
    }
  });
});

describe('variablesOf', () => {
  it('tells every use', () => {
    expect(variablesOf('{{b}} {{a}} {{ b }} {c}')).toEqual(['b', 'a', 'b']);
  });
});
