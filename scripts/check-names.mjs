// Holds what names promise: the role of a file in its suffix, one style of privacy a class, global modules by decision
// only. Part of `npm run deps`; says all findings and ends with 1 when there is one.
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';
import ts from 'typescript';

/** What Nest builds, by the suffix of its file; its class ends in the same word. */
const ROLES = [
  'controller',
  'filter',
  'guard',
  'interceptor',
  'middleware',
  'module',
  'pipe',
  'repository',
  'service',
];
const BUILT_BY_NEST = ['Injectable', 'Controller', 'Catch', 'Module'];

/** Findings that are known and on their way out. One that no longer is found fails the check, so the list only shrinks. */
const NOT_YET = [
  'src/billing/balance.repository.ts: BalanceRepository has both #x and private x',
  'src/billing/hold.repository.ts: HoldRepository has both #x and private x',
  'src/billing/hold.service.ts: HoldService has both #x and private x',
  'src/billing/ledger-verify.ts: Verification has both #x and private x',
  'src/billing/ledger.repository.ts: LedgerRepository has both #x and private x',
  'src/billing/money-listeners.ts: MoneyListeners needs a role for a suffix',
  'src/billing/price-version.repository.ts: PriceVersionRepository has both #x and private x',
  'src/billing/settlement.service.ts: SettlementService has both #x and private x',
  'src/billing/token-counter.ts: TokenCounter needs a role for a suffix',
  'src/billing/usage.repository.ts: UsageRepository has both #x and private x',
  'src/chat/memory/token-ratios.ts: TokenRatios needs a role for a suffix',
  'src/inference/catalogue-keeper.service.ts: CatalogueKeeper does not end in Service',
  'src/inference/in-flight.ts: InFlight needs a role for a suffix',
  'src/inference/left-streams.service.ts: LeftStreams does not end in Service',
  'src/inference/thinking.ts: Thinking needs a role for a suffix',
];

const decisions = readdirSync('docs/adr').map((name) => readFileSync(join('docs/adr', name), 'utf8'));

const found = readdirSync('src', { recursive: true })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
  .map((name) => join('src', name))
  .toSorted()
  .flatMap((path) => findingsOf(path).map((finding) => `${path}: ${finding}`));

const complaints = [
  ...found.filter((finding) => !NOT_YET.includes(finding)),
  ...NOT_YET.filter((finding) => !found.includes(finding)).map(
    (finding) => `no longer so, take it off the list in scripts/check-names.mjs: ${finding}`,
  ),
];
for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
process.exitCode = complaints.length > 0 ? 1 : 0;

/** @returns what its names promise and it does not keep, one sentence each */
function findingsOf(path) {
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const suffix = /\.([a-z]+)\.ts$/.exec(basename(path))?.[1];
  const classes = [];
  const findings = [];
  const visit = (node) => {
    if (ts.isClassDeclaration(node)) classes.push(node);
    ts.forEachChild(node, visit);
  };
  visit(file);

  for (const declared of classes) findings.push(...findingsOfClass(declared, suffix, path));
  if (ROLES.includes(suffix) && classes.length === 0) findings.push(`holds no ${suffix}`);
  if (suffix !== 'decorator' && file.statements.some(makesParameterDecorator)) {
    findings.push('a decorator of parameters stands in a *.decorator.ts');
  }
  return findings;
}

function findingsOfClass(declared, suffix, path) {
  const name = declared.name?.text ?? 'a class';
  const decorators = (ts.getDecorators(declared) ?? []).map(({ expression }) =>
    (ts.isCallExpression(expression) ? expression.expression : expression).getText(),
  );
  const findings = [];
  if (decorators.some((decorator) => BUILT_BY_NEST.includes(decorator))) {
    if (!ROLES.includes(suffix)) findings.push(`${name} needs a role for a suffix`);
    else if (!name.endsWith(wordOf(suffix))) findings.push(`${name} does not end in ${wordOf(suffix)}`);
  }
  if (decorators.includes('Global') && !decisions.some((text) => text.includes(path))) {
    findings.push(`${name} is global, and no decision in docs/adr names ${path}`);
  }
  if (hasBothStyles(declared)) findings.push(`${name} has both #x and private x`);
  return findings;
}

/** A parameter property can only be `private`, so a class that has one has no `#x`. */
function hasBothStyles({ members }) {
  return (
    members.some(({ name }) => name !== undefined && ts.isPrivateIdentifier(name)) &&
    members.some(
      (member) =>
        (isPrivate(member) && !ts.isConstructorDeclaration(member)) ||
        (ts.isConstructorDeclaration(member) && member.parameters.some(isPrivate)),
    )
  );
}

function isPrivate({ modifiers }) {
  return modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) ?? false;
}

/** Only what other files may use. */
function makesParameterDecorator(statement) {
  const exported = statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
  if (!exported) return false;
  const makers = ts.isVariableStatement(statement)
    ? statement.declarationList.declarations.map(({ initializer }) => initializer)
    : [statement];
  return makers.some((maker) => maker?.type?.getText() === 'ParameterDecorator');
}

/** `service` → `Service` */
function wordOf(role) {
  return role[0].toUpperCase() + role.slice(1);
}
