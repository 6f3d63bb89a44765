import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

export interface MediaType {
  schema?: object;
  examples?: Record<string, { $ref: string }>;
}
export interface ResponseObject {
  description: string;
  content?: Record<string, MediaType>;
}
export interface Operation {
  operationId: string;
  parameters?: unknown[];
  summary?: string;
  tags?: string[];
  security?: Record<string, string[]>[];
  requestBody?: { content: Record<string, MediaType> };
  responses: Record<string, ResponseObject>;
}
export interface OpenApi {
  openapi: string;
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: Record<string, Schema>;
    examples: Record<string, { value: unknown }>;
    securitySchemes: Record<string, unknown>;
  };
}
export interface Schema {
  type?: unknown;
  properties?: Record<string, unknown>;
  additionalProperties?: unknown;
}

const SCHEMAS = '#/components/schemas/';
const DOCUMENT = 'document';

/** Judges bodies by the published document. Keys that it does not name are faults, so that it cannot leave any out. */
export class OpenApiJudge {
  private readonly compiled = new Map<object, ValidateFunction>();
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });

  constructor(readonly document: OpenApi) {
    const schemas = Object.entries(document.components.schemas).map(([name, schema]) => [
      name,
      closed(schema),
    ]);
    this.ajv.addSchema({ $id: DOCUMENT, components: { schemas: Object.fromEntries(schemas) as object } });
  }

  operation(method: string, path: string): Operation {
    const operation = this.document.paths[path]?.[method.toLowerCase()];
    if (operation === undefined) throw new Error(`the document has no ${method} ${path}`);
    return operation;
  }

  /** @returns what is wrong with the body as an answer of this kind; empty: nothing */
  faultsOf(operation: Operation, status: number, mediaType: string, body: unknown): string[] {
    const schema = operation.responses[status]?.content?.[mediaType]?.schema;
    if (schema === undefined) return [`${operation.operationId} publishes no ${status} ${mediaType}`];
    const validate = this.compile(schema);
    return validate(body) ? [] : (validate.errors ?? []).map((error) => JSON.stringify(error));
  }

  /** @throws when a reference leads nowhere or the schema is none */
  compile(schema: object): ValidateFunction {
    let validate = this.compiled.get(schema);
    if (validate === undefined) {
      const text = JSON.stringify(schema).replaceAll(`"${SCHEMAS}`, `"${DOCUMENT}${SCHEMAS}`);
      this.compiled.set(schema, (validate = this.ajv.compile(JSON.parse(text) as object)));
    }
    return validate;
  }
}

function closed(schema: Schema): Schema {
  return schema.properties === undefined ? schema : { additionalProperties: false, ...schema };
}

export function operationsOf(document: OpenApi): { path: string; method: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
}
