import { bytes, embedded, field, int32, message, present, repeated, text, type ValueOf } from '../../protocol/message';

/**
 * Envoy's authorization service, as far as the decision server reads and writes it: the fields that are not listed are
 * skipped, as proto3 asks. The numbers are the contract.
 *
 * @see Envoy 1.40: api/envoy/service/auth/v3/external_auth.proto and attribute_context.proto,
 *   api/envoy/config/core/v3/base.proto, api/envoy/type/v3/http_status.proto, google/rpc/status.proto
 */

/** Where Envoy sends its checks: the method `Check` of the service. */
export const CHECK_PATH = '/envoy.service.auth.v3.Authorization/Check';

/** One header; `rawValue` where Envoy sends headers as they are (`encode_raw_headers`). */
const headerValue = message({ key: field(1, text), value: field(2, text), rawValue: field(3, bytes) });

const httpRequest = message({
  method: field(2, text),
  /** Path and query. */
  path: field(4, text),
  headerMap: present(13, embedded(message({ headers: repeated(1, embedded(headerValue)) }))),
});

/** A map is a list of pairs on the wire. */
const extension = message({ key: field(1, text), value: field(2, text) });

const attributes = message({
  request: present(4, embedded(message({ http: present(2, embedded(httpRequest)) }))),
  /** `context_extensions` of the route. */
  contextExtensions: repeated(10, embedded(extension)),
});

/** What Envoy asks. */
export const checkRequest = message({ attributes: present(1, embedded(attributes)) });

/** A decoded {@link checkRequest}. */
export type EnvoyCheckRequest = ValueOf<typeof checkRequest>;

/** A header of an answer; `appendAction` is a `HeaderAppendAction`. Envoy 1.40 reads no `raw_value` there. */
const headerOption = message({ header: present(1, embedded(headerValue)), appendAction: field(3, int32) });

/** What is written as {@link headerOption}. */
export type EnvoyHeaderOption = ValueOf<typeof headerOption>;

const status = message({ code: field(1, int32) });

/** What Envoy is told. */
export const checkResponse = message({
  status: present(1, embedded(status)),
  deniedResponse: present(
    2,
    embedded(
      message({
        status: present(1, embedded(status)),
        headers: repeated(2, embedded(headerOption)),
        body: field(3, text),
      }),
    ),
  ),
  okResponse: present(
    3,
    embedded(
      message({
        headers: repeated(2, embedded(headerOption)),
        headersToRemove: repeated(5, text),
        responseHeadersToAdd: repeated(6, embedded(headerOption)),
      }),
    ),
  ),
});

/** What {@link checkResponse} writes. An answer without a status would be a permission: it is never left out. */
export type EnvoyCheckResponse = ValueOf<typeof checkResponse> &
  Required<Pick<ValueOf<typeof checkResponse>, 'status'>>;
