import { describe, expect, it } from '@jest/globals';
import { CONFORMANCE_SECTIONS } from './conformance-cases.js';
import { toConformancePage } from './conformance-page.js';
import { casesIn, readOutcomes, type TestOutcome } from './conformance-results.js';

const outcome = (over: Partial<TestOutcome>): TestOutcome => ({
  file: 'test/contract/openai-6.contract-spec.ts',
  ancestors: ['client openai-6 on /api/v1 (Q)'],
  title: 'case 95: gets an answer',
  status: 'passed',
  ...over,
});

describe('the numbers of conformance cases in a test name', () => {
  it.each([
    ['case 49: raises', [49]],
    ['case 29, 48, 64: fails', [29, 48, 64]],
    ['case 95: lists the models (cases 69, 87)', [69, 87, 95]],
    ['cases 18-20 and 22: refuses', [18, 19, 20, 22]],
    ['in any case 3 requests', []],
    ['U17: no case', []],
  ])('are read from sample %#', (name, numbers) => {
    expect(casesIn(name)).toEqual(numbers);
  });
});

describe('the conformance page', () => {
  const SECTIONS = [
    {
      title: 'Two',
      cases: [
        { number: 95, promise: 'answers' },
        { number: 28, promise: 'remembers', open: 'waits for conversations' },
      ],
    },
  ];
  const page = (outcomes: TestOutcome[]) =>
    toConformancePage(readOutcomes(outcomes), SECTIONS, (folder) => ({
      name: folder.split('-')[0]!,
      version: '6.1.0',
    }));

  it('tells what passes, and what no test names', () => {
    const text = page([outcome({})]);
    expect(text).toContain('| `openai` | 6.1.0 | 0 of 0 | 1 of 1 | 0 of 0 |');
    expect(text).toContain('| 95 | answers | passes | the clients above |');
    expect(text).toContain('| 28 | remembers | not covered yet; waits for conversations |  |');
  });

  it('tells what fails, if only once', () => {
    const text = page([outcome({}), outcome({ status: 'failed' }), outcome({})]);
    expect(text).toContain('**0 of 1**');
    expect(text).toContain('| 95 | answers | **! fails** | the clients above |');
  });

  it('takes nothing for shown that was skipped', () => {
    expect(page([outcome({ status: 'pending' })])).toContain('| 95 | answers | not covered yet |');
  });

  it('names the specs that show a case', () => {
    const files = ['test/e2e/z.e2e-spec.ts', 'src/a.dto.spec.ts', 'test/db/m.db-spec.ts'];
    const text = page(files.map((file) => outcome({ file, ancestors: ['a'] })));
    expect(text).toContain('| 95 | answers | passes | a.dto, m, z |');
  });

  it('is the same whatever the order and number of tests', () => {
    const results = [
      outcome({}),
      outcome({ file: 'test/e2e/a.e2e-spec.ts', ancestors: ['a'] }),
      outcome({ file: 'src/b.spec.ts', ancestors: ['b'] }),
    ];
    expect(page([...results, outcome({ file: 'src/b.spec.ts', ancestors: ['c'] })])).toBe(
      page(results.toReversed()),
    );
  });

  it('knows every case from 1 to 105, in order', () => {
    const numbers = CONFORMANCE_SECTIONS.flatMap(({ cases }) => cases.map(({ number }) => number));
    expect(numbers).toEqual(Array.from({ length: 105 }, (_, index) => index + 1));
  });
});
