import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validateSync } from 'class-validator';
import { Environment } from './env.schema.js';

/** Variables by name, as `process.env` has them. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** The names of every variable of the schema, in its order. */
export const ENVIRONMENT_VARIABLES: readonly string[] = [
  ...new Set(
    getMetadataStorage()
      .getTargetValidationMetadatas(Environment, '', false, false)
      .map((rule) => rule.propertyName),
  ),
];

/**
 * Reads the schema's variables; others are ignored. Values are trimmed and an empty one counts as unset, so that a line
 * of `.env.example` may be left blank.
 *
 * @returns the environment, usable when `faults` is empty; a fault names its variable and never its value
 */
export function parseEnvironment(variables: Variables): { environment: Environment; faults: string[] } {
  const environment = plainToInstance(Environment, pick(variables));
  const faults = contradictions(environment);
  for (const { property, constraints } of validateSync(environment, { skipUndefinedProperties: true })) {
    faults.push(...Object.values(constraints ?? {}).map((mustBe) => `${property} ${mustBe}`));
    // What could not be read must not be taken for a value by whoever looks for further faults.
    Reflect.deleteProperty(environment, property);
  }
  return { environment, faults };
}

function pick(variables: Variables): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of ENVIRONMENT_VARIABLES) {
    const value = variables[name]?.trim();
    if (value !== undefined && value !== '') picked[name] = value;
  }
  return picked;
}

const NO_BASE64 = /^whsec_(?![A-Za-z0-9+/]+={0,2}$)/;

/** What no single variable can say of itself. */
function contradictions(environment: Environment): string[] {
  const faults: string[] = [];
  if (environment.ADMIN_KEY !== undefined && environment.ADMIN_KEY === environment.BOOTSTRAP_API_KEY) {
    faults.push('ADMIN_KEY must differ from BOOTSTRAP_API_KEY');
  }
  for (const name of ['UPSTREAM_API_KEY', 'UPSTREAM_PRICING'] as const) {
    if (environment[name] !== undefined && environment.UPSTREAM_BASE_URL === undefined) {
      faults.push(`${name} needs UPSTREAM_BASE_URL`);
    }
  }
  if (environment.WEBHOOK_URL !== undefined && environment.WEBHOOK_SECRET === undefined) {
    faults.push('WEBHOOK_URL needs WEBHOOK_SECRET');
  }
  if (environment.WEBHOOK_SECRET !== undefined && NO_BASE64.test(environment.WEBHOOK_SECRET)) {
    faults.push('WEBHOOK_SECRET must be base64 after whsec_');
  }
  for (const name of ['WEBHOOK_SECRET', 'LOW_BALANCE_CREDITS'] as const) {
    if (environment[name] !== undefined && environment.WEBHOOK_URL === undefined) {
      faults.push(`${name} needs WEBHOOK_URL`);
    }
  }
  return faults;
}
