import type { UpstreamConfig } from '../config/app-config.js';
import { UpstreamError } from './upstream.errors.js';

/** What an operator needs to know of a failed call; it names hosts, so it is for logs and not for callers. */
export interface UpstreamAdvice {
  /** What was asked. */
  readonly url: string | undefined;
  /** What came of it: a status, an error of the network, an answer of another kind. */
  readonly came: string;
  /** What to change; `undefined`: the upstream's own trouble. */
  readonly advice: string | undefined;
}

type Where = Pick<UpstreamConfig, 'baseUrl' | 'apiKey'>;

/** Most servers of this protocol have their routes under a version: `/v1`, `/api/v1`, `/v1beta/openai`. */
const VERSIONED = /\/v\d\w*(?:\/|$)/;

const CERTIFICATE = /^(?:CERT_|ERR_TLS_CERT|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_(?:VERIFY|GET_ISSUER))/;

/**
 * Explains a failure of an upstream to who configures it.
 *
 * @param path below the base URL, such as `/models`
 */
export function upstreamAdvice(where: Where, path: string, error: unknown): UpstreamAdvice {
  const { baseUrl } = where;
  const url = baseUrl === undefined ? undefined : baseUrl + path;
  if (!(error instanceof UpstreamError)) return { url, came: 'a failure of ours', advice: undefined };
  const code = codeOf(error.cause);
  const { upstreamStatus: status } = error;
  if (status !== undefined && status !== 200) {
    return { url, came: `HTTP status ${status}`, advice: adviceOnStatus(status, where) };
  }
  if (error.code === 'upstream_bad_response') {
    return { url, came: 'an answer of another kind', advice: adviceOnPath(baseUrl) ?? CHECK_PROTOCOL };
  }
  if (code !== undefined)
    return { url, came: code, advice: baseUrl && adviceOnNetwork(code, new URL(baseUrl)) };
  return { url, came: error.code, advice: undefined };
}

const CHECK_PROTOCOL =
  'Something else answers at base_url: check its host, port and path, and the protocol of the upstream.';

function adviceOnStatus(status: number, { baseUrl, apiKey }: Where): string | undefined {
  switch (status) {
    case 401:
    case 403:
      return apiKey === undefined
        ? 'The upstream wants a key: set its api_key.'
        : 'The upstream refuses the key: check its api_key.';
    case 402:
      return 'The account at the upstream is out of funds.';
    case 301:
    case 302:
    case 307:
    case 308:
      return 'The upstream has moved: set base_url to its new address. Redirects are not followed.';
    case 404:
    case 405:
      return (
        adviceOnPath(baseUrl) ??
        'Check base_url, and the model id of the route: the upstream does not know one of them.'
      );
    default:
      return undefined;
  }
}

function adviceOnPath(baseUrl: string | undefined): string | undefined {
  if (baseUrl === undefined || VERSIONED.test(new URL(baseUrl).pathname)) return undefined;
  return `base_url usually ends in /v1: try ${baseUrl}/v1.`;
}

function adviceOnNetwork(code: string, { protocol, host, hostname }: URL): string | undefined {
  if (code === 'ECONNREFUSED') {
    return `Nothing listens at ${host}: start the server there, or correct base_url. In a container, 127.0.0.1 is the container itself.`;
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `No host has the name ${hostname}: correct base_url.`;
  if (code === 'EPROTO' || code.startsWith('ERR_SSL') || code.startsWith('HPE_')) {
    return protocol === 'https:'
      ? `${host} does not speak TLS: try http:// in base_url.`
      : `${host} does not speak plain HTTP: try https:// in base_url.`;
  }
  if (CERTIFICATE.test(code)) {
    return `The certificate of ${host} is not trusted: name its authority in NODE_EXTRA_CA_CERTS.`;
  }
  if (code === 'ETIMEDOUT' || code === 'UND_ERR_CONNECT_TIMEOUT' || code.endsWith('UNREACH')) {
    return `${host} cannot be reached from here: check the network and its firewall, or correct base_url.`;
  }
  return undefined;
}

function codeOf(cause: unknown): string | undefined {
  if (!(typeof cause === 'object' && cause !== null)) return undefined;
  // Several addresses of one host were tried.
  if ('errors' in cause && Array.isArray(cause.errors)) return codeOf(cause.errors[0]);
  if ('code' in cause && typeof cause.code === 'string') return cause.code;
  return 'cause' in cause ? codeOf(cause.cause) : undefined;
}
